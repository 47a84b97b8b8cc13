// Filters: one-dimensional convolutions and pointwise functions of planes.
//
// One work-item computes SPAN pixels of a row of the output window. Every value is one fixed expression of its absolute
// position, so tiles, remainders and borders cannot change a bit: vectors do per lane what the scalar code does.
// Offsets count floats from the start of a buffer to the first pixel of the output window (convolutions: with the
// coordinate along the filtered axis set to 0 of the image).

#define RESULT_AT(x) out[out_offset + ((ulong)z * get_global_size(1) + y) * width + (x)]

// For `count` pixels from `to` on: w[0] f(g) + sum_k w[k] (f(g + k) + parity f(g - k)), from the centre outwards.
// CENTRE, AFTER and BEFORE point to the values of the first pixel; they may depend on k.
#define CORRELATE(CENTRE, AFTER, BEFORE, to, count)                                                                    \
    {                                                                                                                  \
        int i = 0;                                                                                                     \
        for (; i + 64 <= (count); i += 64) {                                                                           \
            const float16 w0 = half_kernel[0];                                                                         \
            __global const float *c = CENTRE + i;                                                                      \
            float16 s0 = w0 * LOAD(c), s1 = w0 * LOAD(c + 16), s2 = w0 * LOAD(c + 32), s3 = w0 * LOAD(c + 48);         \
            for (int k = 1; k <= radius; k++) {                                                                        \
                const float16 w = half_kernel[k];                                                                      \
                __global const float *a = AFTER + i, *b = BEFORE + i;                                                  \
                s0 = fma(w, LOAD(a) + parity * LOAD(b), s0);                                                           \
                s1 = fma(w, LOAD(a + 16) + parity * LOAD(b + 16), s1);                                                 \
                s2 = fma(w, LOAD(a + 32) + parity * LOAD(b + 32), s2);                                                 \
                s3 = fma(w, LOAD(a + 48) + parity * LOAD(b + 48), s3);                                                 \
            }                                                                                                          \
            STORE(s0, (to) + i);                                                                                       \
            STORE(s1, (to) + i + 16);                                                                                  \
            STORE(s2, (to) + i + 32);                                                                                  \
            STORE(s3, (to) + i + 48);                                                                                  \
        }                                                                                                              \
        for (; i + 16 <= (count); i += 16) {                                                                           \
            float16 sum = half_kernel[0] * LOAD(CENTRE + i);                                                           \
            for (int k = 1; k <= radius; k++)                                                                          \
                sum = fma((float16)(half_kernel[k]), LOAD(AFTER + i) + parity * LOAD(BEFORE + i), sum);                \
            STORE(sum, (to) + i);                                                                                      \
        }                                                                                                              \
        for (; i < (count); i++) {                                                                                     \
            float sum = half_kernel[0] * CENTRE[i];                                                                    \
            for (int k = 1; k <= radius; k++)                                                                          \
                sum = fma(half_kernel[k], AFTER[i] + parity * BEFORE[i], sum);                                         \
            (to)[i] = sum;                                                                                             \
        }                                                                                                              \
    }

#define SPAN_OF_ROW                                                                                                    \
    const int x = get_global_id(0) * SPAN, y = get_global_id(1), z = get_global_id(2);                                 \
    const int count = min(SPAN, width - x);                                                                            \
    if (count <= 0)                                                                                                    \
        return;                                                                                                        \
    __global float *to = &RESULT_AT(x);

__kernel void convolve_along_x(__global const float *restrict in, const long in_offset, const int in_row,
                               const int in_slice, const int start, const int size, const int boundary,
                               __global const float *restrict half_kernel, const int radius, const float parity,
                               __global float *restrict out, const ulong out_offset, const int width)
{
    SPAN_OF_ROW
    __global const float *row = in + in_offset + (long)z * in_slice + (long)y * in_row;
    const int g = start + x;
    // pixels from `left` to `right` reach no border of the image
    const int left = clamp(radius - g, 0, count), right = clamp(size - radius - g, left, count);
    for (int j = 0; j < count - (right - left); j++) {
        const int i = j < left ? j : j + right - left;
        float sum = half_kernel[0] * row[g + i];
        for (int k = 1; k <= radius; k++)
            sum = fma(half_kernel[k],
                      row[inside(g + i + k, size, boundary)] + parity * row[inside(g + i - k, size, boundary)], sum);
        to[i] = sum;
    }
    __global const float *middle = row + g + left;
    CORRELATE(middle, (middle + k), (middle - k), to + left, right - left)
}

// `axis` is 1 for y and 2 for z; in_row or in_slice is 0 for the filtered axis, `stride` is its distance.
__kernel void convolve_across_rows(__global const float *restrict in, const long in_offset, const int in_row,
                                   const int in_slice, const int axis, const int stride, const int start,
                                   const int size, const int boundary, __global const float *restrict half_kernel,
                                   const int radius, const float parity, __global float *restrict out,
                                   const ulong out_offset, const int width)
{
    SPAN_OF_ROW
    __global const float *column = in + in_offset + (long)z * in_slice + (long)y * in_row + x;
    const int g = start + (axis == 1 ? y : z);
    __global const float *centre = column + (long)g * stride;
    if (g >= radius && g + radius < size)
        CORRELATE(centre, (centre + (long)k * stride), (centre - (long)k * stride), to, count)
    else
        CORRELATE(centre, (column + (long)inside(g + k, size, boundary) * stride),
                  (column + (long)inside(g - k, size, boundary) * stride), to, count)
}

#define PLANE(n) __global const float *in##n, const long offset##n, const int row##n, const int slice##n
#define OUTPUT __global float *out, const ulong out_offset, const int width
#define FROM(n) __global const float *p##n = in##n + offset##n + (long)z * slice##n + (long)y * row##n + x;

// A kernel for a function of planes: EXPRESSION names their values a, b, c, ... and serves vectors and single floats.
#define POINTWISE(PLANES, POINTERS, VECTORS, FLOATS, EXPRESSION)                                                       \
    (PLANES, OUTPUT)                                                                                                   \
    {                                                                                                                  \
        SPAN_OF_ROW                                                                                                    \
        POINTERS                                                                                                       \
        int i = 0;                                                                                                     \
        for (; i + 16 <= count; i += 16) {                                                                             \
            const float16 VECTORS;                                                                                     \
            STORE(EXPRESSION, to + i);                                                                                 \
        }                                                                                                              \
        for (; i < count; i++) {                                                                                       \
            const float FLOATS;                                                                                        \
            to[i] = EXPRESSION;                                                                                        \
        }                                                                                                              \
    }

#define PLANES_1 PLANE(0)
#define PLANES_2 PLANES_1, PLANE(1)
#define PLANES_3 PLANES_2, PLANE(2)
#define PLANES_6 PLANES_3, PLANE(3), PLANE(4), PLANE(5)
#define POINTERS_1 FROM(0)
#define POINTERS_2 POINTERS_1 FROM(1)
#define POINTERS_3 POINTERS_2 FROM(2)
#define POINTERS_6 POINTERS_3 FROM(3) FROM(4) FROM(5)
#define OF_PLANES(n, EXPRESSION)                                                                                       \
    POINTWISE(PLANES_##n, POINTERS_##n, VALUES_##n(AS_VECTOR), VALUES_##n(AS_FLOAT), EXPRESSION)

__kernel void copy_1 OF_PLANES(1, a)
__kernel void add_2 OF_PLANES(2, a + b)
__kernel void add_3 OF_PLANES(3, a + b + c)
__kernel void subtract_2 OF_PLANES(2, a - b)
__kernel void multiply_2 OF_PLANES(2, a * b)
__kernel void square_root_1 OF_PLANES(1, sqrt(a))
__kernel void determinant_3 OF_PLANES(3, a * c - b * b)
__kernel void determinant_6 OF_PLANES(6, DETERMINANT_3X3)
__kernel void magnitude_2 OF_PLANES(2, magnitude(a, b))
__kernel void magnitude_3 OF_PLANES(3, magnitude(a, b, c))
__kernel void eigenvalue_0_3 OF_PLANES(3, eigenvalue_2x2(1.0f, a, b, c))
__kernel void eigenvalue_1_3 OF_PLANES(3, eigenvalue_2x2(-1.0f, a, b, c))
__kernel void eigenvalue_0_6 OF_PLANES(6, eigenvalue_3x3(0, a, b, c, d, e, f))
__kernel void eigenvalue_1_6 OF_PLANES(6, eigenvalue_3x3(1, a, b, c, d, e, f))
__kernel void eigenvalue_2_6 OF_PLANES(6, eigenvalue_3x3(2, a, b, c, d, e, f))
