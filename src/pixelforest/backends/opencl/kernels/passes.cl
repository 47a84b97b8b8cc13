// Correlations of a tile along one axis with one to three kernels, by vectors of 16. Follows planes.cl.
//
// Every value is `w[0] c`, then fma(w[k], after[k] +- before[k], sum) for k = 1, 2, ..., whichever way it is computed.

// Copied into every place that calls them, these functions would take twice as long to build.
#define CALLED static __attribute__((noinline))

// Outputs are not read again: they bypass the cache, which would read them from memory only to write them back.
#ifdef __has_builtin
#if __has_builtin(__builtin_nontemporal_store)
#define STREAM(v, p) __builtin_nontemporal_store((v), (__global float16 *)(p))
#endif
#endif
#ifndef STREAM
#define STREAM(v, p) STORE(v, p)
#endif
// `streams` has a bit for every output of a step; only whole lines of the cache are streamed.
#define IS_STREAMED(n, p) ((streams >> n & 1) && ((ulong)(p) & 63) == 0)
#define UNALIGNED(p) ((int)((ulong)(p) / sizeof(float)) & 15)

// Along x: two vectors at a time, `gap` floats apart; rows that no multiple of them fills are ended by vectors that
// overlap.
#define PAIR                                                                                                           \
    const float16 a0 = LOAD(c + k), a1 = LOAD(c + k + gap), b0 = LOAD(c - k), b1 = LOAD(c - k + gap);
#define START(n) float16 s##n = w##n[0] * LOAD(c), t##n = w##n[0] * LOAD(c + gap);
#define EVEN(n)                                                                                                        \
    s##n = fma((float16)(w##n[k]), a0 + b0, s##n);                                                                     \
    t##n = fma((float16)(w##n[k]), a1 + b1, t##n);
#define ODD(n)                                                                                                         \
    s##n = fma((float16)(w##n[k]), a0 - b0, s##n);                                                                     \
    t##n = fma((float16)(w##n[k]), a1 - b1, t##n);
#define FINISH(n, PARITY)                                                                                              \
    for (int k = shared + 1; k <= r##n; k++) {                                                                         \
        PAIR PARITY(n)                                                                                                 \
    }                                                                                                                  \
    if (gap == 16 && IS_STREAMED(n, to##n + i)) {                                                                      \
        STREAM(s##n, to##n + i);                                                                                       \
        STREAM(t##n, to##n + i + 16);                                                                                  \
    } else {                                                                                                           \
        STORE(s##n, to##n + i);                                                                                        \
        STORE(t##n, to##n + i + gap);                                                                                  \
    }
#define ALONG_X(name, STARTS, TAPS, FINISHES)                                                                          \
    static inline void name##_along_x(__global const float *centre, const int count, __global float *to0,              \
                                      __global float *to1, __global float *to2, __global const float *w0,              \
                                      __global const float *w1, __global const float *w2, const int r0, const int r1,  \
                                      const int r2, const int shared, const int streams)                               \
    {                                                                                                                  \
        const int gap = min(16, count - 16);                                                                           \
        const int unaligned = UNALIGNED(to0);                                                                          \
        for (int block = 0, next; block < count; block = next) {                                                       \
            next = block + 32 - (block == 0 ? unaligned : 0);                                                          \
            const int i = min(block, max(count - 32, 0));                                                              \
            __global const float *c = centre + i;                                                                      \
            STARTS                                                                                                     \
            for (int k = 1; k <= shared; k++) {                                                                        \
                PAIR TAPS                                                                                              \
            }                                                                                                          \
            FINISHES                                                                                                   \
        }                                                                                                              \
    }

// Along any axis, for 16 columns at once: four results at a time, so that two loads serve four. at[i] is where the
// i-th value of a column lies.
#define COLUMNS_START(n)                                                                                               \
    float16 s##n = w##n[0] * a0, t##n = w##n[0] * a1, u##n = w##n[0] * a2, v##n = w##n[0] * a3;
#define COLUMNS_TAP(n, SIGN)                                                                                           \
    s##n = fma((float16)(w##n[k]), a0 SIGN b0, s##n);                                                                  \
    t##n = fma((float16)(w##n[k]), a1 SIGN b1, t##n);                                                                  \
    u##n = fma((float16)(w##n[k]), a2 SIGN b2, u##n);                                                                  \
    v##n = fma((float16)(w##n[k]), a3 SIGN b3, v##n);
#define COLUMNS_EVEN(n) COLUMNS_TAP(n, +)
#define COLUMNS_ODD(n) COLUMNS_TAP(n, -)
#define COLUMNS_STORE(n, value, row)                                                                                   \
    if (i + row < count) {                                                                                             \
        __global float *to = to##n + (i + row) * pitch##n;                                                       \
        if (IS_STREAMED(n, to))                                                                                        \
            STREAM(value, to);                                                                                         \
        else                                                                                                           \
            STORE(value, to);                                                                                          \
    }
#define COLUMNS_FINISH(n, PARITY)                                                                                      \
    for (int k = shared + 1; k <= r##n; k++) {                                                                         \
        const float16 a0 = LOAD(c + at[i + k]), a1 = LOAD(c + at[i + 1 + k]), a2 = LOAD(c + at[i + 2 + k]);            \
        const float16 a3 = LOAD(c + at[i + 3 + k]), b0 = LOAD(c + at[i - k]), b1 = LOAD(c + at[i + 1 - k]);            \
        const float16 b2 = LOAD(c + at[i + 2 - k]), b3 = LOAD(c + at[i + 3 - k]);                                      \
        PARITY(n)                                                                                                      \
    }                                                                                                                  \
    COLUMNS_STORE(n, s##n, 0)                                                                                          \
    COLUMNS_STORE(n, t##n, 1)                                                                                          \
    COLUMNS_STORE(n, u##n, 2)                                                                                          \
    COLUMNS_STORE(n, v##n, 3)
#define COLUMNS(name, STARTS, TAPS, FINISHES)                                                                          \
    CALLED void name##_columns(__global const float *c, __global const long *at, const int count,                \
                                      __global float *to0, __global float *to1, __global float *to2,                   \
                                      const long pitch0, const long pitch1, const long pitch2, __global const float *w0,  \
                                      __global const float *w1, __global const float *w2, const int r0, const int r1,  \
                                      const int r2, const int shared, const int streams)                               \
    {                                                                                                                  \
        for (int i = 0; i < count; i += 4) {                                                                           \
            float16 a0 = LOAD(c + at[i]), a1 = LOAD(c + at[i + 1]), a2 = LOAD(c + at[i + 2]);                          \
            float16 a3 = LOAD(c + at[i + 3]), b0 = a0, b1 = a1, b2 = a2, b3 = a3;                                      \
            STARTS                                                                                                     \
            for (int k = 1; k <= shared; k++) {                                                                        \
                a0 = a1, a1 = a2, a2 = a3, a3 = LOAD(c + at[i + 3 + k]);                                               \
                b3 = b2, b2 = b1, b1 = b0, b0 = LOAD(c + at[i - k]);                                                   \
                TAPS                                                                                                   \
            }                                                                                                          \
            FINISHES                                                                                                   \
        }                                                                                                              \
    }
ALONG_X(even, START(0), EVEN(0), FINISH(0, EVEN))
ALONG_X(odd, START(0), ODD(0), FINISH(0, ODD))
ALONG_X(even_odd, START(0) START(1), EVEN(0) ODD(1), FINISH(0, EVEN) FINISH(1, ODD))
ALONG_X(even_even, START(0) START(1), EVEN(0) EVEN(1), FINISH(0, EVEN) FINISH(1, EVEN))
ALONG_X(even_even_odd, START(0) START(1) START(2), EVEN(0) EVEN(1) ODD(2),
        FINISH(0, EVEN) FINISH(1, EVEN) FINISH(2, ODD))
ALONG_X(even_even_even, START(0) START(1) START(2), EVEN(0) EVEN(1) EVEN(2),
        FINISH(0, EVEN) FINISH(1, EVEN) FINISH(2, EVEN))
COLUMNS(even, COLUMNS_START(0), COLUMNS_EVEN(0), COLUMNS_FINISH(0, COLUMNS_EVEN))
COLUMNS(odd, COLUMNS_START(0), COLUMNS_ODD(0), COLUMNS_FINISH(0, COLUMNS_ODD))
COLUMNS(even_odd, COLUMNS_START(0) COLUMNS_START(1), COLUMNS_EVEN(0) COLUMNS_ODD(1),
        COLUMNS_FINISH(0, COLUMNS_EVEN) COLUMNS_FINISH(1, COLUMNS_ODD))
COLUMNS(even_even, COLUMNS_START(0) COLUMNS_START(1), COLUMNS_EVEN(0) COLUMNS_EVEN(1),
        COLUMNS_FINISH(0, COLUMNS_EVEN) COLUMNS_FINISH(1, COLUMNS_EVEN))
COLUMNS(even_even_odd, COLUMNS_START(0) COLUMNS_START(1) COLUMNS_START(2),
        COLUMNS_EVEN(0) COLUMNS_EVEN(1) COLUMNS_ODD(2),
        COLUMNS_FINISH(0, COLUMNS_EVEN) COLUMNS_FINISH(1, COLUMNS_EVEN) COLUMNS_FINISH(2, COLUMNS_ODD))
COLUMNS(even_even_even, COLUMNS_START(0) COLUMNS_START(1) COLUMNS_START(2),
        COLUMNS_EVEN(0) COLUMNS_EVEN(1) COLUMNS_EVEN(2),
        COLUMNS_FINISH(0, COLUMNS_EVEN) COLUMNS_FINISH(1, COLUMNS_EVEN) COLUMNS_FINISH(2, COLUMNS_EVEN))

// Columns that are narrower than a vector.
CALLED void by_floats(__global const float *c, __global const long *at, const int count, const int width,
                             __global float *to, const long pitch, __global const float *half_kernel, const int radius,
                             const float parity)
{
    for (int i = 0; i < count; i++)
        for (int x = 0; x < width; x++) {
            float sum = half_kernel[0] * c[at[i] + x];
            for (int k = 1; k <= radius; k++)
                sum = fma(half_kernel[k], c[at[i + k] + x] + parity * c[at[i - k] + x], sum);
            to[i * pitch + x] = sum;
        }
}

// 16 x 16 values turned: four times, the first eight vectors are zipped with the last eight.
#define ZIP_LOW(a, b)                                                                                                  \
    (float16)(a.s0, b.s0, a.s1, b.s1, a.s2, b.s2, a.s3, b.s3, a.s4, b.s4, a.s5, b.s5, a.s6, b.s6, a.s7, b.s7)
#define ZIP_HIGH(a, b)                                                                                                 \
    (float16)(a.s8, b.s8, a.s9, b.s9, a.sa, b.sa, a.sb, b.sb, a.sc, b.sc, a.sd, b.sd, a.se, b.se, a.sf, b.sf)
#define ZIP(to, of, i)                                                                                                 \
    to[2 * i] = ZIP_LOW(of[i], of[i + 8]);                                                                             \
    to[2 * i + 1] = ZIP_HIGH(of[i], of[i + 8]);
#define ZIPS(to, of)                                                                                                   \
    ZIP(to, of, 0) ZIP(to, of, 1) ZIP(to, of, 2) ZIP(to, of, 3) ZIP(to, of, 4) ZIP(to, of, 5) ZIP(to, of, 6)           \
    ZIP(to, of, 7)
#define ALL_16(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11) DO(12) DO(13) DO(14) DO(15)
#define TURNED                                                                                                         \
    float16 t[16];                                                                                                     \
    ZIPS(t, r) ZIPS(r, t) ZIPS(t, r) ZIPS(r, t)

// Rows to columns: to[16 p + j] is row[p] of the j-th of 16 rows, for `count` >= 16 positions. The rows beyond `n_rows`
// repeat the last.
CALLED void turn_rows(__global const float *row, const long pitch, const int n_rows, const int count,
                             __global float *to)
{
    for (int block = 0; block < count; block += 16) {
        const int p = min(block, count - 16);
        float16 r[16];
#define LOAD_ROW(j) r[j] = LOAD(row + min(j, n_rows - 1) * pitch + p);
        ALL_16(LOAD_ROW)
        TURNED
#define STORE_COLUMN(j) STORE(r[j], to + 16 * (p + j));
        ALL_16(STORE_COLUMN)
    }
}

// Columns to rows, for `count` >= 16 positions.
CALLED void turn_columns(__global const float *columns, const int count, __global float *to, const long pitch,
                                const int n_rows, const int streams)
{
    for (int block = 0; block < count; block += 16) {
        const int p = min(block, count - 16);
        float16 r[16];
#define LOAD_COLUMN(j) r[j] = LOAD(columns + 16 * (p + j));
        ALL_16(LOAD_COLUMN)
        TURNED
#define STORE_ROW(j)                                                                                                   \
    if (j < n_rows) {                                                                                                  \
        if (IS_STREAMED(0, to + j * pitch + p))                                                                        \
            STREAM(r[j], to + j * pitch + p);                                                                          \
        else                                                                                                           \
            STORE(r[j], to + j * pitch + p);                                                                           \
    }
        ALL_16(STORE_ROW)
    }
}
