/* Chunks to outputs and back: what the engine does with each result of a flush. */
#ifndef FBHOST_DISPATCH_H
#define FBHOST_DISPATCH_H

struct engine;

/* Hands the oldest ready chunk to every output that matches; flushes here and now where there are no Workers. */
void dispatch_ready(struct engine *e);

/* Flushes again what has waited long enough; now is monotonic seconds. */
void dispatch_retries(struct engine *e, double now);

/* Makes every waiting retry due at once. */
void retries_now(struct engine *e);

/* Settles, schedules again or drops, for each result there is; waits up to seconds for one. */
void handle_results(struct engine *e, double seconds);

#endif
