//go:build ignore

#define _GNU_SOURCE
#include "parser.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "msgpack.h"

static bool word(const char **p, const char *end, struct slice *out)
{
    const char *space = memchr(*p, ' ', (size_t)(end - *p));
    if (!space)
        return false;
    *out = (struct slice){*p, (size_t)(space - *p)};
    *p = space + 1;
    return true;
}

static bool is(struct slice s, const char *text) { return s.len == strlen(text) && memcmp(s.p, text, s.len) == 0; }

bool cri_split(const char *line, size_t len, bool flag_fp, struct cri_line *out)
{
    const char *p = line, *end = line + len;
    if (!word(&p, end, &out->time) || out->time.len == 0 || !word(&p, end, &out->stream) || !word(&p, end, &out->flag))
        return false;
    if (!is(out->stream, "stdout") && !is(out->stream, "stderr"))
        return false;
    if (flag_fp && !is(out->flag, "F") && !is(out->flag, "P"))
        return false;
    out->text = (struct slice){p, (size_t)(end - p)};
    return true;
}

static bool digits(const char **p, const char *end, int n, int *out)
{
    *out = 0;
    for (; n > 0; n--, (*p)++) {
        if (*p == end || !isdigit((unsigned char)**p))
            return false;
        *out = *out * 10 + (**p - '0');
    }
    return true;
}

static bool lit(const char **p, const char *end, char c)
{
    if (*p == end || **p != c)
        return false;
    (*p)++;
    return true;
}

bool cri_time(struct slice s, struct timespec *out)
{
    const char *p = s.p, *end = s.p + s.len;
    struct tm tm = {0};
    if (!digits(&p, end, 4, &tm.tm_year) || !lit(&p, end, '-') || !digits(&p, end, 2, &tm.tm_mon) ||
        !lit(&p, end, '-') || !digits(&p, end, 2, &tm.tm_mday) || !lit(&p, end, 'T') ||
        !digits(&p, end, 2, &tm.tm_hour) || !lit(&p, end, ':') || !digits(&p, end, 2, &tm.tm_min) ||
        !lit(&p, end, ':') || !digits(&p, end, 2, &tm.tm_sec) || !lit(&p, end, '.'))
        return false;
    if (tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 23 || tm.tm_min > 59 ||
        tm.tm_sec > 60)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;

    /* The core reads up to nine digits as a double and multiplies: the last nanosecond may be lost, here too. */
    char fraction[12] = "0.";
    int n = 0;
    while (n < 9 && p < end && isdigit((unsigned char)*p))
        fraction[2 + n++] = *p++;
    if (n == 0)
        return false;
    double frac = strtod(fraction, NULL);

    long zone = 0;
    if (p < end && *p == 'Z') {
        p++;
    } else {
        int hours, minutes, sign;
        if (p == end || (*p != '+' && *p != '-'))
            return false;
        sign = *p++ == '-' ? -1 : 1;
        if (!digits(&p, end, 2, &hours))
            return false;
        if (p < end && *p == ':')
            p++;
        if (!digits(&p, end, 2, &minutes))
            return false;
        zone = sign * (hours * 3600L + minutes * 60L);
    }
    if (p != end)
        return false;
    out->tv_sec = timegm(&tm) - zone;
    out->tv_nsec = (long)(frac * 1000000000);
    return true;
}

/* JSON below: a recursive descent that packs as it reads. */

enum { MAX_DEPTH = 64 };

static bool value(const char **p, const char *end, struct buf *out, int depth);

static void space(const char **p, const char *end)
{
    while (*p < end && (**p == ' ' || **p == '\t' || **p == '\r' || **p == '\n'))
        (*p)++;
}

static bool hex4(const char **p, const char *end, uint32_t *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++, (*p)++) {
        if (*p == end || !isxdigit((unsigned char)**p))
            return false;
        int c = tolower((unsigned char)**p);
        *out = *out << 4 | (uint32_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return true;
}

static void utf8(struct buf *b, uint32_t c)
{
    char s[4];
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n; i-- > 1; c >>= 6)
        s[i] = (char)(0x80 | (c & 0x3f));
    s[0] = (char)(lead[n] | c);
    buf_put(b, s, n);
}

static bool string(const char **p, const char *end, struct buf *out)
{
    struct buf s = {0};
    bool ok = false;
    if (!lit(p, end, '"'))
        return false;
    while (*p < end) {
        char c = *(*p)++;
        if (c == '"') {
            mp_str(out, s.data ? s.data : "", s.len);
            ok = true;
            break;
        }
        if ((unsigned char)c < 0x20)
            break;
        if (c != '\\') {
            buf_put(&s, &c, 1);
            continue;
        }
        if (*p == end)
            break;
        static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
        c = *(*p)++;
        const char *known = c ? strchr(from, c) : NULL;
        if (known) {
            buf_put(&s, to + (known - from), 1);
            continue;
        }
        uint32_t u, low;
        if (c != 'u' || !hex4(p, end, &u))
            break;
        if (u >= 0xd800 && u < 0xdc00 && end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u') {
            *p += 2;
            if (!hex4(p, end, &low))
                break;
            u = 0x10000 + ((u - 0xd800) << 10) + ((low - 0xdc00) & 0x3ff);
        }
        utf8(&s, u);
    }
    buf_free(&s);
    return ok;
}

static bool number(const char **p, const char *end, struct buf *out)
{
    char text[64];
    size_t n = 0;
    bool whole = true;
    while (*p < end && n < sizeof text - 1 && **p && strchr("0123456789+-.eE", **p)) {
        whole = whole && !strchr(".eE", **p);
        text[n++] = *(*p)++;
    }
    text[n] = 0;
    char *rest;
    if (n == 0)
        return false;
    errno = 0;
    if (whole) {
        int64_t v = strtoll(text, &rest, 10);
        if (errno == 0 && !*rest) {
            mp_int(out, v);
            return true;
        }
    }
    double v = strtod(text, &rest);
    if (*rest)
        return false;
    mp_double(out, v);
    return true;
}

/* The members of an object or elements of an array, after its opening bracket. */
static bool members(const char **p, const char *end, char close, struct buf *out, uint32_t *n, int depth)
{
    for (space(p, end); !lit(p, end, close);) {
        if (*n > 0 && !lit(p, end, ','))
            return false;
        if (close == '}') {
            space(p, end);
            if (!string(p, end, out))
                return false;
            space(p, end);
            if (!lit(p, end, ':'))
                return false;
        }
        if (!value(p, end, out, depth))
            return false;
        (*n)++;
        space(p, end);
    }
    return true;
}

static bool value(const char **p, const char *end, struct buf *out, int depth)
{
    space(p, end);
    if (*p == end || depth > MAX_DEPTH)
        return false;
    if (**p == '"')
        return string(p, end, out);
    if (**p == '{' || **p == '[') {
        bool map = *(*p)++ == '{';
        struct buf inner = {0};
        uint32_t n = 0;
        bool ok = members(p, end, map ? '}' : ']', &inner, &n, depth + 1);
        if (ok) {
            if (map)
                mp_map(out, n);
            else
                mp_array(out, n);
            buf_put(out, inner.data, inner.len);
        }
        buf_free(&inner);
        return ok;
    }
    static const char *const words[] = {"null", "false", "true"};
    for (int i = 0; i < 3; i++) {
        size_t n = strlen(words[i]);
        if ((size_t)(end - *p) >= n && memcmp(*p, words[i], n) == 0) {
            *p += n;
            if (i == 0)
                mp_nil(out);
            else
                mp_bool(out, i == 2);
            return true;
        }
    }
    return number(p, end, out);
}

bool json_fields(const char *line, size_t len, struct buf *fields, uint32_t *n)
{
    const char *p = line, *end = line + len;
    *n = 0;
    space(&p, end);
    if (!lit(&p, end, '{') || !members(&p, end, '}', fields, n, 0))
        return false;
    space(&p, end);
    return p == end;
}
