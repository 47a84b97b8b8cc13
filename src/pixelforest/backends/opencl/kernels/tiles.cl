// A whole plan on tiles that stay in the cache of one core. Follows planes.cl.
//
// A work-group is one work-item; it takes one tile after the other from `starts` until none is left, and runs all steps
// of the plan on it. Planes in between live in slots of `scratch`, which every group has for itself; what the borders of
// the image add is copied into `line` (along x) or looked up in `table` (across rows), so that inner loops know none.

// How a step is written down; tile_program.py writes it.
enum { OPERATION, INPUTS, OUTPUTS = INPUTS + 6, MARGINS = OUTPUTS + 3, AXIS = MARGINS + 3, BOUNDARY, N_EVEN, N_ODD,
       WEIGHTS, RADII = WEIGHTS + 3, SCALE = RADII + 3, STEP_INTS };
// How an axis is written down: extent of the image; the target; the tiles; the patch.
enum { SIZE, TARGET_START, TARGET_STOP, TILE, WINDOW_START, WINDOW_SHAPE, AXIS_INTS };
// Behind the axes: sizes, then every slot: where it begins, in vectors; what it holds around a tile; height and width.
enum { N_STEPS, SLOT_VECTORS, LINE_FLOATS, LOOKUP_INTS, SIZES };
enum { SLOT_START, SLOT_MARGIN, SLOT_HEIGHT = SLOT_MARGIN + 3, SLOT_WIDTH, SLOT_INTS };
enum { CONVOLVE, GRADIENT, COPY, ADD_2, ADD_3, SUBTRACT, MULTIPLY, SQUARE_ROOT, DETERMINANT_3, DETERMINANT_6,
       MAGNITUDE_2, MAGNITUDE_3, EIGENVALUES_3, EIGENVALUES_6, INTERPOLATE };

#define FIRST_OUTPUT (1 << 20)

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

// Two vectors at a time, `gap` floats apart; rows that no multiple of them fills are ended by vectors that overlap.
#define PAIR                                                                                                           \
    const float16 a0 = LOAD(a), a1 = LOAD(a + gap), b0 = LOAD(b), b1 = LOAD(b + gap);
#define START(n) float16 s##n = w##n[0] * LOAD(c), t##n = w##n[0] * LOAD(c + gap);
#define EVEN(n)                                                                                                        \
    s##n = fma((float16)(w##n[k]), a0 + b0, s##n);                                                                     \
    t##n = fma((float16)(w##n[k]), a1 + b1, t##n);
#define ODD(n)                                                                                                         \
    s##n = fma((float16)(w##n[k]), a0 - b0, s##n);                                                                     \
    t##n = fma((float16)(w##n[k]), a1 - b1, t##n);
#define FINISH(n, PARITY, ADDRESS)                                                                                     \
    for (int k = shared + 1; k <= r##n; k++) {                                                                         \
        __global const float *a = c + ADDRESS(k), *b = c + ADDRESS(-k);                                                \
        PAIR PARITY(n)                                                                                                 \
    }                                                                                                                  \
    if (gap == 16 && IS_STREAMED(n, to##n + i)) {                                                                      \
        STREAM(s##n, to##n + i);                                                                                       \
        STREAM(t##n, to##n + i + 16);                                                                                  \
    } else {                                                                                                           \
        STORE(s##n, to##n + i);                                                                                        \
        STORE(t##n, to##n + i + gap);                                                                                  \
    }
#define KERNELS(name, ADDRESS, STARTS, TAPS, FINISHES)                                                                 \
    static inline void name(__global const float *centre, const int stride, __global const int *table, const int count, \
                     __global float *to0, __global float *to1, __global float *to2, __global const float *w0,          \
                     __global const float *w1, __global const float *w2, const int r0, const int r1, const int r2,     \
                     const int shared, const int streams)                                                              \
    {                                                                                                                  \
        const int gap = min(16, count - 16);                                                                           \
        const int unaligned = UNALIGNED(to0);                                                                          \
        for (int block = 0, next; block < count; block = next) {                                                       \
            next = block + 32 - (block == 0 ? unaligned : 0);                                                          \
            const int i = min(block, max(count - 32, 0));                                                              \
            __global const float *c = centre + i;                                                                      \
            STARTS                                                                                                     \
            for (int k = 1; k <= shared; k++) {                                                                        \
                __global const float *a = c + ADDRESS(k), *b = c + ADDRESS(-k);                                        \
                PAIR TAPS                                                                                              \
            }                                                                                                          \
            FINISHES                                                                                                   \
        }                                                                                                              \
    }
#define BY_STRIDE(k) (long)(k) * stride
#define BY_TABLE(k) table[k]
KERNELS(even_by_table, BY_TABLE, START(0), EVEN(0), FINISH(0, EVEN, BY_TABLE))
KERNELS(odd_by_table, BY_TABLE, START(0), ODD(0), FINISH(0, ODD, BY_TABLE))
KERNELS(even, BY_STRIDE, START(0), EVEN(0), FINISH(0, EVEN, BY_STRIDE))
KERNELS(odd, BY_STRIDE, START(0), ODD(0), FINISH(0, ODD, BY_STRIDE))
KERNELS(even_odd, BY_STRIDE, START(0) START(1), EVEN(0) ODD(1), FINISH(0, EVEN, BY_STRIDE) FINISH(1, ODD, BY_STRIDE))
KERNELS(even_even, BY_STRIDE, START(0) START(1), EVEN(0) EVEN(1), FINISH(0, EVEN, BY_STRIDE) FINISH(1, EVEN, BY_STRIDE))
KERNELS(even_even_odd, BY_STRIDE, START(0) START(1) START(2), EVEN(0) EVEN(1) ODD(2),
        FINISH(0, EVEN, BY_STRIDE) FINISH(1, EVEN, BY_STRIDE) FINISH(2, ODD, BY_STRIDE))
KERNELS(even_even_even, BY_STRIDE, START(0) START(1) START(2), EVEN(0) EVEN(1) EVEN(2),
        FINISH(0, EVEN, BY_STRIDE) FINISH(1, EVEN, BY_STRIDE) FINISH(2, EVEN, BY_STRIDE))

// Rows that are narrower than a vector.
static inline void by_floats(__global const float *centre, const int stride, __global const int *table, const int count,
                      __global float *to, __global const float *half_kernel, const int radius, const float parity)
{
    for (int i = 0; i < count; i++) {
        float sum = half_kernel[0] * centre[i];
        for (int k = 1; k <= radius; k++) {
            const long after = table ? table[k] : (long)k * stride, before = table ? table[-k] : -(long)k * stride;
            sum = fma(half_kernel[k], centre[i + after] + parity * centre[i + before], sum);
        }
        to[i] = sum;
    }
}

#define CALL(name) name(centre, stride, table, count, to0, to1, to2, w0, w1, w2, r0, r1, r2, shared, streams)
#define CALL_ONE(j)                                                                                                    \
    if (n_even > j)                                                                                                    \
        even_by_table(centre, 0, table, count, to##j, 0, 0, w##j, 0, 0, r##j, 0, 0, r##j, streams >> j);               \
    else                                                                                                               \
        odd_by_table(centre, 0, table, count, to##j, 0, 0, w##j, 0, 0, r##j, 0, 0, r##j, streams >> j);

// Values of planes at `count` pixels: RESULTS stores functions of a, b, c, ... through OUT(n, value).
#define VECTOR_OUT(n, value)                                                                                           \
    {                                                                                                                  \
        const float16 result = value;                                                                                  \
        if (IS_STREAMED(n, to##n + i))                                                                                 \
            STREAM(result, to##n + i);                                                                                 \
        else                                                                                                           \
            STORE(result, to##n + i);                                                                                  \
    }
#define FLOAT_OUT(n, value) to##n[i] = value
#define MAP(VALUES, RESULTS)                                                                                           \
    if (count >= 16)                                                                                                   \
        for (int block = 0, next; block < count; block = next) {                                                       \
            next = block + 16 - (block == 0 ? UNALIGNED(to0) : 0);                                                     \
            const int i = min(block, count - 16);                                                                      \
            const float16 VALUES(AS_VECTOR);                                                                           \
            RESULTS(float16, VECTOR_OUT)                                                                               \
        }                                                                                                              \
    else                                                                                                               \
        for (int i = 0; i < count; i++) {                                                                              \
            const float VALUES(AS_FLOAT);                                                                              \
            RESULTS(float, FLOAT_OUT)                                                                                  \
        }                                                                                                              \
    break;
#define R_COPY(T, OUT) OUT(0, a);
#define R_ADD_2(T, OUT) OUT(0, a + b);
#define R_ADD_3(T, OUT) OUT(0, a + b + c);
#define R_SUBTRACT(T, OUT) OUT(0, a - b);
#define R_MULTIPLY(T, OUT) OUT(0, a *b);
#define R_SQUARE_ROOT(T, OUT) OUT(0, sqrt(a));
#define R_DETERMINANT_3(T, OUT) OUT(0, a *c - b * b);
#define R_DETERMINANT_6(T, OUT) OUT(0, DETERMINANT_3X3);
#define R_MAGNITUDE_2(T, OUT) OUT(0, magnitude(a, b));
#define R_MAGNITUDE_3(T, OUT) OUT(0, magnitude(a, b, c));
#define R_EIGENVALUES_3(T, OUT)                                                                                        \
    const T middle = 0.5f * (a + c), root = magnitude(0.5f * (a - c), b);                                              \
    OUT(0, middle + root);                                                                                             \
    OUT(1, middle - root);
#define R_EIGENVALUES_6(T, OUT)                                                                                        \
    T first, second, third;                                                                                            \
    eigenvalues_3x3(a, b, c, d, e, f, &first, &second, &third);                                                        \
    OUT(0, first);                                                                                                     \
    OUT(1, second);                                                                                                    \
    OUT(2, third);

// A row of the plane `reference` at (z, y), such that [x] is the pixel at x of the image.
static inline __global float *row_of(const int reference, const int z, const int y, __global const int *axes,
                              __private const int *start, __global float *image, __global float *slots,
                              __global float *out)
{
    __global const int *Z = axes, *Y = axes + AXIS_INTS, *X = axes + 2 * AXIS_INTS;
    if (reference < 0) {
        const long rows = ((long)(-1 - reference) * Z[WINDOW_SHAPE] + z - Z[WINDOW_START]) * Y[WINDOW_SHAPE];
        return image + (rows + y - Y[WINDOW_START]) * X[WINDOW_SHAPE] - X[WINDOW_START];
    }
    if (reference < FIRST_OUTPUT) {
        __global const int *slot = axes + 3 * AXIS_INTS + SIZES + reference * SLOT_INTS, *margin = slot + SLOT_MARGIN;
        const long rows = (long)(z - max(start[0] - margin[0], 0)) * slot[SLOT_HEIGHT];
        __global float *first = slots + (long)slot[SLOT_START] * 16 - max(start[2] - margin[2], 0);
        return first + (rows + y - max(start[1] - margin[1], 0)) * slot[SLOT_WIDTH];
    }
    const long depth = Z[TARGET_STOP] - Z[TARGET_START], height = Y[TARGET_STOP] - Y[TARGET_START];
    const long rows = ((long)(reference - FIRST_OUTPUT) * depth + z - Z[TARGET_START]) * height;
    return out + (rows + y - Y[TARGET_START]) * (X[TARGET_STOP] - X[TARGET_START]) - X[TARGET_START];
}
#define ROW(reference, z, y) row_of(reference, z, y, axes, start, image, slots, out)

// Which outputs of a step go to the result rather than to a slot, as bits.
static inline int streams_of(__global const int *step)
{
    return (step[OUTPUTS] >= FIRST_OUTPUT) + 2 * (step[OUTPUTS + 1] >= FIRST_OUTPUT) +
           4 * (step[OUTPUTS + 2] >= FIRST_OUTPUT);
}

// Rows `low` to `high` of one slice; pointers walk from row to row.
static inline void convolve(__global const int *step, const int z, const int low, const int high, const int x,
                     const int count, __global const int *axes, __private const int *start, __global float *image,
                     __global float *slots, __global float *out, __global const float *weights, __global float *line,
                     __global int *lookup)
{
    const int axis = step[AXIS], boundary = step[BOUNDARY], size = axes[axis * AXIS_INTS + SIZE];
    const int n_even = step[N_EVEN], n = n_even + step[N_ODD], streams = streams_of(step);
    const int r0 = step[RADII], r1 = step[RADII + 1], r2 = step[RADII + 2], largest = max(r0, max(r1, r2));
    const int shared = min(r0, min(n > 1 ? r1 : r0, n > 2 ? r2 : r0));
    __global const float *w0 = weights + step[WEIGHTS], *w1 = weights + step[WEIGHTS + 1];
    __global const float *w2 = weights + step[WEIGHTS + 2];
    __global const float *row = ROW(step[INPUTS], z, low);
    __global float *to0 = ROW(step[OUTPUTS], z, low) + x, *to1 = ROW(step[OUTPUTS + 1], z, low) + x;
    __global float *to2 = ROW(step[OUTPUTS + 2], z, low) + x;
    const long pitch = ROW(step[INPUTS], z, low + 1) - row, pitch0 = ROW(step[OUTPUTS], z, low + 1) + x - to0;
    const long pitch1 = ROW(step[OUTPUTS + 1], z, low + 1) + x - to1;
    const long pitch2 = ROW(step[OUTPUTS + 2], z, low + 1) + x - to2;
    const int stride = axis == 2 ? 1 : axis == 1 ? pitch : ROW(step[INPUTS], z + 1, low) - row;
    for (int y = low; y < high; y++, row += pitch, to0 += pitch0, to1 += pitch1, to2 += pitch2) {
        __global const float *centre = row + x;
        __global const int *table = 0;
        if (axis == 2) {
            if (x < largest || x + count + largest > size) {
                for (int i = 0; i < count + 2 * largest; i++) {
                    const int p = x + i - largest;
                    line[i] = row[p >= 0 && p < size ? p : inside(p, size, boundary)];
                }
                centre = line + largest;
            }
        } else {
            const int g = axis == 1 ? y : z;
            if (g < largest || g + largest >= size) {
                table = lookup + largest;
                if (axis == 1 || y == low)
                    for (int k = -largest; k <= largest; k++)
                        lookup[largest + k] = (inside(g + k, size, boundary) - g) * stride;
            }
        }
        if (count < 16) {
            by_floats(centre, stride, table, count, to0, w0, r0, n_even > 0 ? 1.0f : -1.0f);
            if (n > 1)
                by_floats(centre, stride, table, count, to1, w1, r1, n_even > 1 ? 1.0f : -1.0f);
            if (n > 2)
                by_floats(centre, stride, table, count, to2, w2, r2, n_even > 2 ? 1.0f : -1.0f);
        } else if (table) {
            CALL_ONE(0)
            if (n > 1)
                CALL_ONE(1)
            if (n > 2)
                CALL_ONE(2)
        } else {
            switch (2 * n_even + n - n_even) {
            case 1:
                CALL(odd);
                break;
            case 2:
                CALL(even);
                break;
            case 3:
                CALL(even_odd);
                break;
            case 4:
                CALL(even_even);
                break;
            case 5:
                CALL(even_even_odd);
                break;
            default:
                CALL(even_even_even);
            }
        }
    }
}

// numpy.gradient, see DIFFERENCE of windows.cl.
#define GRADIENT_OF(after, before, position)                                                                           \
    (after - before) * (scale / max(min(position + 1, size - 1) - max(position - 1, 0), 1))

static inline void differentiate_row(__global const int *step, const int z, const int y, const int x, const int count,
                              __global const int *axes, __private const int *start, __global float *image,
                              __global float *slots, __global float *out)
{
    const int axis = step[AXIS], size = axes[axis * AXIS_INTS + SIZE];
    const float scale = as_float(step[SCALE]);
    __global float *to = ROW(step[OUTPUTS], z, y) + x;
    if (axis == 2) {
        __global const float *row = ROW(step[INPUTS], z, y);
        const int first = max(x, 1), last = min(x + count, size - 1);
        if (x == 0)
            to[0] = GRADIENT_OF(row[min(1, size - 1)], row[0], 0);
        int p = first;
        for (; p + 16 <= last; p += 16)
            STORE((LOAD(row + p + 1) - LOAD(row + p - 1)) * (scale / 2), to + p - x);
        for (; p < last; p++)
            to[p - x] = (row[p + 1] - row[p - 1]) * (scale / 2);
        if (x + count == size && size > 1)
            to[count - 1] = GRADIENT_OF(row[size - 1], row[max(size - 2, 0)], (size - 1));
        return;
    }
    const int p = axis == 1 ? y : z, next = min(p + 1, size - 1), last = max(p - 1, 0);
    __global const float *after = (axis == 1 ? ROW(step[INPUTS], z, next) : ROW(step[INPUTS], next, y)) + x;
    __global const float *before = (axis == 1 ? ROW(step[INPUTS], z, last) : ROW(step[INPUTS], last, y)) + x;
    const float factor = scale / max(next - last, 1);
    int i = 0;
    for (; i + 16 <= count; i += 16)
        STORE((LOAD(after + i) - LOAD(before + i)) * factor, to + i);
    for (; i < count; i++)
        to[i] = (after[i] - before[i]) * factor;
}

// A function of planes on rows `low` to `high` of one slice.
#define WALK(name, reference)                                                                                          \
    __global float *name = ROW(reference, z, low) + x;                                                                 \
    const long pitch_##name = ROW(reference, z, low + 1) + x - name;
static inline void map(__global const int *step, const int z, const int low, const int high, const int x, const int count,
                __global const int *axes, __private const int *start, __global float *image, __global float *slots,
                __global float *out)
{
    const int streams = streams_of(step);
    WALK(p0, step[INPUTS])
    WALK(p1, step[INPUTS + 1])
    WALK(p2, step[INPUTS + 2])
    WALK(p3, step[INPUTS + 3])
    WALK(p4, step[INPUTS + 4])
    WALK(p5, step[INPUTS + 5])
    WALK(to0, step[OUTPUTS])
    WALK(to1, step[OUTPUTS + 1])
    WALK(to2, step[OUTPUTS + 2])
    for (int y = low; y < high; y++) {
        switch (step[OPERATION]) {
        case COPY:
            MAP(VALUES_1, R_COPY)
        case ADD_2:
            MAP(VALUES_2, R_ADD_2)
        case ADD_3:
            MAP(VALUES_3, R_ADD_3)
        case SUBTRACT:
            MAP(VALUES_2, R_SUBTRACT)
        case MULTIPLY:
            MAP(VALUES_2, R_MULTIPLY)
        case SQUARE_ROOT:
            MAP(VALUES_1, R_SQUARE_ROOT)
        case DETERMINANT_3:
            MAP(VALUES_3, R_DETERMINANT_3)
        case DETERMINANT_6:
            MAP(VALUES_6, R_DETERMINANT_6)
        case MAGNITUDE_2:
            MAP(VALUES_2, R_MAGNITUDE_2)
        case MAGNITUDE_3:
            MAP(VALUES_3, R_MAGNITUDE_3)
        case EIGENVALUES_3:
            MAP(VALUES_3, R_EIGENVALUES_3)
        default:
            MAP(VALUES_6, R_EIGENVALUES_6)
        }
        p0 += pitch_p0;
        p1 += pitch_p1;
        p2 += pitch_p2;
        p3 += pitch_p3;
        p4 += pitch_p4;
        p5 += pitch_p5;
        to0 += pitch_to0;
        to1 += pitch_to1;
        to2 += pitch_to2;
    }
}

static inline void interpolate(__global const int *, int, int, int, int, int, __global const int *, __private const int *,
                               __global float *, __global float *, __global float *, __global const float *,
                               __global const float *); // in tile_splines.cl

// The hint keeps Intel's compiler from trying to merge work-items into vectors, which takes ten times longer to build.
__kernel __attribute__((reqd_work_group_size(1, 1, 1), vec_type_hint(float16))) void
compute_tiles(__global float *image, __global const int *restrict axes, __global const int *restrict steps,
              __global const float *restrict weights, __global float *scratch, __global int *lookups,
              __global float *out, __global const int *restrict starts, const int n_tiles, __global int *counter,
              __global const float *samples)
{
    __global const int *sizes = axes + 3 * AXIS_INTS;
    const int n_steps = sizes[N_STEPS];
    const long slot_floats = sizes[SLOT_VECTORS] * 16L;
    __global float *slots = scratch + get_group_id(0) * (slot_floats + sizes[LINE_FLOATS]), *line = slots + slot_floats;
    __global int *lookup = lookups + (long)get_group_id(0) * sizes[LOOKUP_INTS];
    for (int tile = atomic_inc(counter); tile < n_tiles; tile = atomic_inc(counter)) {
        int start[3], stop[3];
        for (int i = 0; i < 3; i++) {
            __global const int *axis = axes + i * AXIS_INTS;
            start[i] = starts[3 * tile + i];
            stop[i] = min(start[i] + axis[TILE], axis[TARGET_STOP]);
        }
        for (int s = 0; s < n_steps; s++) {
            __global const int *step = steps + s * STEP_INTS;
            int low[3], high[3];
            for (int i = 0; i < 3; i++) {
                low[i] = max(start[i] - step[MARGINS + i], 0);
                high[i] = min(stop[i] + step[MARGINS + i], axes[i * AXIS_INTS + SIZE]);
            }
            const int x = low[2], count = high[2] - low[2];
            for (int z = low[0]; z < high[0]; z++)
                switch (step[OPERATION]) {
                case CONVOLVE:
                    convolve(step, z, low[1], high[1], x, count, axes, start, image, slots, out, weights, line, lookup);
                    break;
                case GRADIENT:
                    for (int y = low[1]; y < high[1]; y++)
                        differentiate_row(step, z, y, x, count, axes, start, image, slots, out);
                    break;
                case INTERPOLATE:
                    interpolate(step, z, low[1], high[1], x, count, axes, start, image, slots, out, weights, samples);
                    break;
                default:
                    map(step, z, low[1], high[1], x, count, axes, start, image, slots, out);
                }
        }
    }
}
