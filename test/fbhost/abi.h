/* Which Fluent Bit fbhost stands in for: layouts, encodings and quirks follow it. */
#ifndef FBHOST_ABI_H
#define FBHOST_ABI_H

enum abi { ABI_1_9, ABI_4_2, ABI_5_1 };

/* Set once by main before anything else runs. */
extern enum abi host_abi;

/* "1.9.10", "4.2.8" or "5.1.1": the version whose source was followed. */
const char *abi_version(void);

#endif
