// Filters of windows along one axis: least and greatest value, spread, differences. Follows features.cl, whose macros
// and rules it uses. Arguments are those of the convolutions: `start` is where the output begins along the filtered
// axis, `size` the extent of the image there.

#define LINES_ALONG_X                                                                                                  \
    __global const float *restrict in, const long in_offset, const int in_row, const int in_slice, const int start,    \
        const int size
#define LINES_ACROSS_ROWS                                                                                              \
    __global const float *restrict in, const long in_offset, const int in_row, const int in_slice, const int axis,     \
        const int stride, const int start, const int size
#define TARGET __global float *restrict out, const ulong out_offset, const int width

// For `count` pixels from `to` on: PICK of the centre and of `radius` pairs around it.
#define PICK_WINDOW(PICK, CENTRE, AFTER, BEFORE, to, count)                                                            \
    {                                                                                                                  \
        int i = 0;                                                                                                     \
        for (; i + 16 <= (count); i += 16) {                                                                           \
            float16 best = LOAD(CENTRE + i);                                                                           \
            for (int k = 1; k <= radius; k++)                                                                          \
                best = PICK(best, PICK(LOAD(AFTER + i), LOAD(BEFORE + i)));                                            \
            STORE(best, (to) + i);                                                                                     \
        }                                                                                                              \
        for (; i < (count); i++) {                                                                                     \
            float best = CENTRE[i];                                                                                    \
            for (int k = 1; k <= radius; k++)                                                                          \
                best = PICK(best, PICK(AFTER[i], BEFORE[i]));                                                          \
            (to)[i] = best;                                                                                            \
        }                                                                                                              \
    }

#define EXTREMUM_ALONG_X(PICK)                                                                                         \
    (LINES_ALONG_X, const int boundary, const int radius, TARGET)                                                      \
    {                                                                                                                  \
        SPAN_OF_ROW                                                                                                    \
        __global const float *row = in + in_offset + (long)z * in_slice + (long)y * in_row;                            \
        const int g = start + x;                                                                                       \
        const int left = clamp(radius - g, 0, count), right = clamp(size - radius - g, left, count);                   \
        for (int j = 0; j < count - (right - left); j++) {                                                             \
            const int i = j < left ? j : j + right - left;                                                             \
            float best = row[g + i];                                                                                   \
            for (int k = 1; k <= radius; k++)                                                                          \
                best = PICK(best, PICK(row[inside(g + i + k, size, boundary)], row[inside(g + i - k, size, boundary)]));  \
            to[i] = best;                                                                                              \
        }                                                                                                              \
        __global const float *middle = row + g + left;                                                                 \
        PICK_WINDOW(PICK, middle, (middle + k), (middle - k), to + left, right - left)                                 \
    }

#define EXTREMUM_ACROSS_ROWS(PICK)                                                                                     \
    (LINES_ACROSS_ROWS, const int boundary, const int radius, TARGET)                                                  \
    {                                                                                                                  \
        SPAN_OF_ROW                                                                                                    \
        __global const float *column = in + in_offset + (long)z * in_slice + (long)y * in_row + x;                     \
        const int g = start + (axis == 1 ? y : z);                                                                     \
        __global const float *centre = column + (long)g * stride;                                                      \
        PICK_WINDOW(PICK, centre, (column + (long)inside(g + k, size, boundary) * stride),                             \
                    (column + (long)inside(g - k, size, boundary) * stride), to, count)                                \
    }

__kernel void minimum_along_x EXTREMUM_ALONG_X(fmin)
__kernel void maximum_along_x EXTREMUM_ALONG_X(fmax)
__kernel void minimum_across_rows EXTREMUM_ACROSS_ROWS(fmin)
__kernel void maximum_across_rows EXTREMUM_ACROSS_ROWS(fmax)

// numpy.gradient: the difference of the neighbours over their distance, which is 1 at borders and 0 on single pixels.
#define DIFFERENCE(after, before, position)                                                                            \
    (after - before) * (scale / max(min(position + 1, size - 1) - max(position - 1, 0), 1))

__kernel void difference_along_x(LINES_ALONG_X, const float scale, TARGET)
{
    SPAN_OF_ROW
    __global const float *row = in + in_offset + (long)z * in_slice + (long)y * in_row;
    for (int i = 0; i < count; i++) {
        const int p = start + x + i;
        to[i] = DIFFERENCE(row[min(p + 1, size - 1)], row[max(p - 1, 0)], p);
    }
}

__kernel void difference_across_rows(LINES_ACROSS_ROWS, const float scale, TARGET)
{
    SPAN_OF_ROW
    __global const float *column = in + in_offset + (long)z * in_slice + (long)y * in_row + x;
    const int p = start + (axis == 1 ? y : z);
    __global const float *after = column + (long)min(p + 1, size - 1) * stride;
    __global const float *before = column + (long)max(p - 1, 0) * stride;
    for (int i = 0; i < count; i++)
        to[i] = DIFFERENCE(after[i], before[i], p);
}

// Variance of a window of groups: mean over the groups of (their variance + the square of their mean's distance from
// the mean of all). `weight` is one over the number of groups; `has_variance` is 0 where groups are single pixels.
#define GROUP(mean, variance) fma((mean) - all, (mean) - all, has_variance * (variance))

__kernel void spread_along_x(LINES_ALONG_X, const int boundary, const int radius,
                             __global const float *restrict inner, const long inner_offset, const int inner_row,
                             const int inner_slice, PLANE(0), const float has_variance, const float weight, TARGET)
{
    SPAN_OF_ROW
    FROM(0)
    __global const float *row = in + in_offset + (long)z * in_slice + (long)y * in_row;
    __global const float *variances = inner + inner_offset + (long)z * inner_slice + (long)y * inner_row;
    for (int i = 0; i < count; i++) {
        const float all = p0[i];
        float sum = 0.0f;
        for (int k = -radius; k <= radius; k++) {
            const int p = inside(start + x + i + k, size, boundary);
            sum += GROUP(row[p], variances[p]);
        }
        to[i] = sum * weight;
    }
}

__kernel void spread_across_rows(LINES_ACROSS_ROWS, const int boundary, const int radius,
                                 __global const float *restrict inner, const long inner_offset, const int inner_row,
                                 const int inner_slice, const int inner_axis, const int inner_stride, PLANE(0),
                                 const float has_variance, const float weight, TARGET)
{
    SPAN_OF_ROW
    FROM(0)
    __global const float *column = in + in_offset + (long)z * in_slice + (long)y * in_row + x;
    __global const float *variances = inner + inner_offset + (long)z * inner_slice + (long)y * inner_row + x;
    const int g = start + (axis == 1 ? y : z);
    for (int i = 0; i < count; i++) {
        const float all = p0[i];
        float sum = 0.0f;
        for (int k = -radius; k <= radius; k++) {
            const long p = inside(g + k, size, boundary);
            sum += GROUP(column[p * stride + i], variances[p * inner_stride + i]);
        }
        to[i] = sum * weight;
    }
}
