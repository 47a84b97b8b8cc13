// A whole plan on tiles that stay in the cache of one core. Follows planes.cl, passes.cl and maps.cl.
//
// A work-group is one work-item; it takes one tile after the other from `starts` until none is left, and runs all steps
// of the plan on it. Planes in between live in slots of `scratch`, which every group has for itself; what borders of
// the image add is copied into `line` (along x) or looked up in `lookup` (across rows), so that inner loops know none.

// How a step is written down; tile_program.py writes it.
enum { OPERATION, INPUTS, OUTPUTS = INPUTS + 6, MARGINS = OUTPUTS + 3, AXIS = MARGINS + 3, BOUNDARY, N_EVEN, N_ODD,
       WEIGHTS, RADII = WEIGHTS + 3, SCALE = RADII + 3, KNOWN, STEP_INTS };
// How an axis is written down: extent of the image; the target; the tiles; the patch.
enum { SIZE, TARGET_START, TARGET_STOP, TILE, WINDOW_START, WINDOW_SHAPE, AXIS_INTS };
// Behind the axes: sizes, then every slot: where it begins, in vectors; what it holds around a tile; height and width.
enum { N_STEPS, SLOT_VECTORS, LINE_FLOATS, LOOKUP_ENTRIES, SIZES };
enum { SLOT_START, SLOT_MARGIN, SLOT_HEIGHT = SLOT_MARGIN + 3, SLOT_WIDTH, SLOT_INTS };
enum { CONVOLVE, GRADIENT, COPY, ADD_2, ADD_3, SUBTRACT, MULTIPLY, SQUARE_ROOT, DETERMINANT_3, DETERMINANT_6,
       MAGNITUDE_2, MAGNITUDE_3, EIGENVALUES_3, EIGENVALUES_6, INTERPOLATE };

#define FIRST_OUTPUT (1 << 20)
// How many positions along x are turned at a time, and the radius from which on it pays for one kernel; for two kernels
// it is three times that, for three five times.
#define TURNED_WIDTH 256
#define TURNED_RADIUS 8

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

// The kernels of a step: how many of each parity, where their weights are, how far they reach.
#define KERNELS_OF(step)                                                                                               \
    const int n_even = step[N_EVEN], n = n_even + step[N_ODD], streams = streams_of(step);                             \
    const int r0 = step[RADII], r1 = step[RADII + 1], r2 = step[RADII + 2], largest = max(r0, max(r1, r2));            \
    const int shared = min(r0, min(n > 1 ? r1 : r0, n > 2 ? r2 : r0));                                                 \
    __global const float *w0 = weights + step[WEIGHTS], *w1 = weights + step[WEIGHTS + 1];                             \
    __global const float *w2 = weights + step[WEIGHTS + 2];
#define CALL(FORM)                                                                                                     \
    switch (2 * n_even + n - n_even) {                                                                                 \
    case 1:                                                                                                            \
        FORM(odd);                                                                                                     \
        break;                                                                                                         \
    case 2:                                                                                                            \
        FORM(even);                                                                                                    \
        break;                                                                                                         \
    case 3:                                                                                                            \
        FORM(even_odd);                                                                                                \
        break;                                                                                                         \
    case 4:                                                                                                            \
        FORM(even_even);                                                                                               \
        break;                                                                                                         \
    case 5:                                                                                                            \
        FORM(even_even_odd);                                                                                           \
        break;                                                                                                         \
    default:                                                                                                           \
        FORM(even_even_even);                                                                                          \
    }


// Along y or z: `low` and `high` are the corners of what is computed.
CALLED void convolve_across(__global const int *step, __private const int *low, __private const int *high,
                                   __global const int *axes, __private const int *start, __private const int *stop,
                                   __global float *image, __global float *slots, __global float *out,
                                   __global const float *weights, __global long *lookup)
{
    KERNELS_OF(step)
    const int axis = step[AXIS], size = axes[axis * AXIS_INTS + SIZE], other = 1 - axis, x = low[2];
    const int count = high[axis] - low[axis], width = high[2] - low[2], on_z = axis == 0;
    __global const float *row = ROW(step[INPUTS], low[0], low[1]);
    const long stride = ROW(step[INPUTS], low[0] + on_z, low[1] + !on_z) - row;
    const long pitch0 = ROW(step[OUTPUTS], low[0] + on_z, low[1] + !on_z) - ROW(step[OUTPUTS], low[0], low[1]);
    const long pitch1 = ROW(step[OUTPUTS + 1], low[0] + on_z, low[1] + !on_z) - ROW(step[OUTPUTS + 1], low[0], low[1]);
    const long pitch2 = ROW(step[OUTPUTS + 2], low[0] + on_z, low[1] + !on_z) - ROW(step[OUTPUTS + 2], low[0], low[1]);
    // Four results are computed at once, and some of planes that need less than their company: positions are kept to
    // where the input is known.
    const int first = max(start[axis] - step[KNOWN], 0), last = min(stop[axis] + step[KNOWN], size) - 1;
    __global long *at = lookup + largest;
    for (int i = -largest; i < count + 3 + largest; i++)
        at[i] = (clamp(inside(low[axis] + i, size, step[BOUNDARY]), first, last) - low[axis]) * stride;
    for (int o = low[other]; o < high[other]; o++) {
        const int z = on_z ? low[0] : o, y = on_z ? o : low[1];
        __global const float *from = ROW(step[INPUTS], z, y) + x;
        __global float *row0 = ROW(step[OUTPUTS], z, y) + x, *row1 = ROW(step[OUTPUTS + 1], z, y) + x;
        __global float *row2 = ROW(step[OUTPUTS + 2], z, y) + x;
        if (width < 16) {
            by_floats(from, at, count, width, row0, pitch0, w0, r0, n_even > 0 ? 1.0f : -1.0f);
            if (n > 1)
                by_floats(from, at, count, width, row1, pitch1, w1, r1, n_even > 1 ? 1.0f : -1.0f);
            if (n > 2)
                by_floats(from, at, count, width, row2, pitch2, w2, r2, n_even > 2 ? 1.0f : -1.0f);
            continue;
        }
        for (int block = 0, next; block < width; block = next) {
            next = block + 16 - (block == 0 ? UNALIGNED(row0) : 0);
            const int i = min(block, width - 16);
#define ACROSS(name)                                                                                                   \
    name##_columns(from + i, at, count, row0 + i, row1 + i, row2 + i, pitch0, pitch1, pitch2, w0, w1, w2, r0, r1, r2,  \
                   shared, streams)
            CALL(ACROSS)
        }
    }
}

// Along x, row by row; a row that borders change is copied into `line` first.
CALLED void convolve_rows(__global const int *step, const int z, __private const int *low,
                                 __private const int *high, __global const int *axes, __private const int *start,
                                 __global float *image, __global float *slots, __global float *out,
                                 __global const float *weights, __global float *line, __global long *lookup)
{
    KERNELS_OF(step)
    const int boundary = step[BOUNDARY], size = axes[2 * AXIS_INTS + SIZE], x = low[2], count = high[2] - low[2];
    const int left = max(x - largest, 0), right = min(x + count + largest, size);
    __global const float *row = ROW(step[INPUTS], z, low[1]);
    __global float *to0 = ROW(step[OUTPUTS], z, low[1]) + x, *to1 = ROW(step[OUTPUTS + 1], z, low[1]) + x;
    __global float *to2 = ROW(step[OUTPUTS + 2], z, low[1]) + x;
    const long pitch = ROW(step[INPUTS], z, low[1] + 1) - row, pitch0 = ROW(step[OUTPUTS], z, low[1] + 1) + x - to0;
    const long pitch1 = ROW(step[OUTPUTS + 1], z, low[1] + 1) + x - to1;
    const long pitch2 = ROW(step[OUTPUTS + 2], z, low[1] + 1) + x - to2;
    if (count < 16)
        for (int i = -largest; i < count + largest; i++)
            lookup[largest + i] = inside(x + i, size, boundary);
    for (int y = low[1]; y < high[1]; y++, row += pitch, to0 += pitch0, to1 += pitch1, to2 += pitch2) {
        __global const float *centre = row + x;
        if (count < 16) {
            for (int i = 0; i < count; i++) {
                __global const long *at = lookup + largest + i;
                by_floats(row, at, 1, 1, to0 + i, 0, w0, r0, n_even > 0 ? 1.0f : -1.0f);
                if (n > 1)
                    by_floats(row, at, 1, 1, to1 + i, 0, w1, r1, n_even > 1 ? 1.0f : -1.0f);
                if (n > 2)
                    by_floats(row, at, 1, 1, to2 + i, 0, w2, r2, n_even > 2 ? 1.0f : -1.0f);
            }
            continue;
        }
        if (x < largest || x + count + largest > size) {
            centre = line + largest;
            for (int p = left; p < right; p += 16)
                STORE(LOAD(row + min(p, right - 16)), centre - x + min(p, right - 16));
            for (int p = x - largest; p < left; p++)
                line[p - x + largest] = row[inside(p, size, boundary)];
            for (int p = right; p < x + count + largest; p++)
                line[p - x + largest] = row[inside(p, size, boundary)];
        }
#define ALONG(name) name##_along_x(centre, count, to0, to1, to2, w0, w1, w2, r0, r1, r2, shared, streams)
        CALL(ALONG)
    }
}

// Along x, 16 rows at a time, turned so that a step along x is one from vector to vector, and no load is unaligned.
CALLED void convolve_turned(__global const int *step, const int z, __private const int *low,
                                   __private const int *high, __global const int *axes, __private const int *start,
                                   __global float *image, __global float *slots, __global float *out,
                                   __global const float *weights, __global float *turned, __global long *lookup)
{
    KERNELS_OF(step)
    const int boundary = step[BOUNDARY], size = axes[2 * AXIS_INTS + SIZE], width = high[2] - low[2];
    const int n_blocks = (width + TURNED_WIDTH - 1) / TURNED_WIDTH;
    const int count = min(((width + n_blocks - 1) / n_blocks + 15) & ~15, width);  // blocks of one size
    __global float *result = turned + 16 * (count + 2 * largest), *from = turned + 16 * largest;
    __global long *at = lookup + largest;
    for (int i = -largest; i < count + 3 + largest; i++)
        at[i] = 16 * min(i, count - 1 + largest);
    for (int y = low[1]; y < high[1]; y += 16)
        for (int block = low[2]; block < high[2]; block += count) {
            const int x = min(block, high[2] - count), n_rows = min(high[1] - y, 16);
            const int left = max(x - largest, 0), right = min(x + count + largest, size);
            __global const float *row = ROW(step[INPUTS], z, y);
            turn_rows(row + left, ROW(step[INPUTS], z, y + 1) - row, n_rows, right - left, from + 16 * (left - x));
            for (int p = x - largest; p < left; p++)
                STORE(LOAD(from + 16 * (inside(p, size, boundary) - x)), from + 16 * (p - x));
            for (int p = right; p < x + count + largest; p++)
                STORE(LOAD(from + 16 * (inside(p, size, boundary) - x)), from + 16 * (p - x));
#define TURNED_COLUMNS(name)                                                                                           \
    name##_columns(from, at, count, result, result + 16 * count, result + 32 * count, 16, 16, 16, w0, w1, w2, r0, r1,  \
                   r2, shared, 0)
            CALL(TURNED_COLUMNS)
            for (int i = 0; i < n; i++) {
                __global float *to = ROW(step[OUTPUTS + i], z, y);
                turn_columns(result + 16 * i * count, count, to + x, ROW(step[OUTPUTS + i], z, y + 1) - to, n_rows,
                             streams >> i);
            }
        }
}

static inline void convolve(__global const int *step, __private const int *low, __private const int *high,
                            __global const int *axes, __private const int *start, __private const int *stop,
                            __global float *image, __global float *slots, __global float *out,
                            __global const float *weights, __global float *line, __global long *lookup)
{
    if (step[AXIS] < 2) {
        convolve_across(step, low, high, axes, start, stop, image, slots, out, weights, lookup);
        return;
    }
    const int n = step[N_EVEN] + step[N_ODD], radius = max(step[RADII], max(step[RADII + 1], step[RADII + 2]));
    const int height = high[1] - low[1], is_turned = high[2] - low[2] >= 16 && radius >= TURNED_RADIUS * (2 * n - 1);
    // The last rows are turned too unless few lanes would be used.
    const int n_turned = !is_turned ? 0 : (height & 15) >= 8 ? height : height & ~15;
    const int middle[3] = {0, low[1] + n_turned, high[2]}, rest[3] = {0, low[1] + n_turned, low[2]};
    for (int z = low[0]; z < high[0]; z++) {
        if (n_turned > 0)
            convolve_turned(step, z, low, middle, axes, start, image, slots, out, weights, line, lookup);
        if (n_turned < height)
            convolve_rows(step, z, rest, high, axes, start, image, slots, out, weights, line, lookup);
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
CALLED void map(__global const int *step, const int z, const int low, const int high, const int x, const int count,
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
              __global const float *restrict weights, __global float *scratch, __global long *lookups,
              __global float *out, __global const int *restrict starts, const int n_tiles, __global int *counter,
              __global const float *samples)
{
    __global const int *sizes = axes + 3 * AXIS_INTS;
    const int n_steps = sizes[N_STEPS];
    const long slot_floats = sizes[SLOT_VECTORS] * 16L;
    __global float *slots = scratch + get_group_id(0) * (slot_floats + sizes[LINE_FLOATS]), *line = slots + slot_floats;
    __global long *lookup = lookups + (long)get_group_id(0) * sizes[LOOKUP_ENTRIES];
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
            if (step[OPERATION] == CONVOLVE) {
                convolve(step, low, high, axes, start, stop, image, slots, out, weights, line, lookup);
                continue;
            }
            for (int z = low[0]; z < high[0]; z++)
                switch (step[OPERATION]) {
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
