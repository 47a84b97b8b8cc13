// From pixels to samples and back, by cubic B-splines (pixelforest/features/cascade.py). Follows windows.cl, whose
// macros and rules it uses; `start` is where the output begins along the axis, in samples or pixels.
// Sample j is made of the 4 `factor` pixels from FIRST_PIXEL(j) on; `factor` is a power of two.
typedef float8 __attribute__((aligned(4))) PackedEight;
#define LOAD_8(p) (*(__global const PackedEight *)(p))
#define FIRST_PIXEL(j) (factor * (j) - 3 * factor / 2)

// One sample is 4 factor products, 8 at a time, whose sums are added by halves.
__kernel void decimate_along_x(LINES_ALONG_X, const int boundary, const int factor,
                               __global const float *restrict weights, TARGET)
{
    SPAN_OF_ROW
    __global const float *row = in + in_offset + (long)z * in_slice + (long)y * in_row;
    for (int i = 0; i < count; i++) {
        const int first = FIRST_PIXEL(start + x + i), is_inside = first >= 0 && first + 4 * factor <= size;
        float8 sum = 0.0f;
        for (int k = 0; k < 4 * factor; k += 8) {
            float8 pixels;
            if (is_inside)
                pixels = LOAD_8(row + first + k);
            else {
                float values[8];
                for (int j = 0; j < 8; j++)
                    values[j] = row[inside(first + k + j, size, boundary)];
                pixels = vload8(0, values);
            }
            sum = fma(LOAD_8(weights + k), pixels, sum);
        }
        float parts[8]; // oclgrind 21.10 crashes on parts of vectors
        vstore8(sum, 0, parts);
        to[i] = ((parts[0] + parts[4]) + (parts[2] + parts[6])) + ((parts[1] + parts[5]) + (parts[3] + parts[7]));
    }
}

// Pixels that lie symmetrically about the sample are added first, from outside inwards. ROW_OF(k) is that of pixel k.
#define DECIMATE_ROWS                                                                                                  \
    {                                                                                                                  \
        int i = 0;                                                                                                     \
        for (; i + 64 <= count; i += 64) {                                                                             \
            float16 s0 = 0.0f, s1 = 0.0f, s2 = 0.0f, s3 = 0.0f;                                                        \
            for (int k = 0; k < 2 * factor; k++) {                                                                     \
                const float16 w = weights[k];                                                                          \
                __global const float *a = ROW_OF(k) + i, *b = ROW_OF(4 * factor - 1 - k) + i;                          \
                s0 = fma(w, LOAD(a) + LOAD(b), s0);                                                                    \
                s1 = fma(w, LOAD(a + 16) + LOAD(b + 16), s1);                                                          \
                s2 = fma(w, LOAD(a + 32) + LOAD(b + 32), s2);                                                          \
                s3 = fma(w, LOAD(a + 48) + LOAD(b + 48), s3);                                                          \
            }                                                                                                          \
            STORE(s0, to + i);                                                                                         \
            STORE(s1, to + i + 16);                                                                                    \
            STORE(s2, to + i + 32);                                                                                    \
            STORE(s3, to + i + 48);                                                                                    \
        }                                                                                                              \
        for (; i < count; i++) {                                                                                       \
            float sum = 0.0f;                                                                                          \
            for (int k = 0; k < 2 * factor; k++)                                                                       \
                sum = fma(weights[k], ROW_OF(k)[i] + ROW_OF(4 * factor - 1 - k)[i], sum);                              \
            to[i] = sum;                                                                                               \
        }                                                                                                              \
    }

__kernel void decimate_across_rows(LINES_ACROSS_ROWS, const int boundary, const int factor,
                                   __global const float *restrict weights, TARGET)
{
    SPAN_OF_ROW
    __global const float *column = in + in_offset + (long)z * in_slice + (long)y * in_row + x;
    const int first = FIRST_PIXEL(start + (axis == 1 ? y : z));
    if (first >= 0 && first + 4 * factor <= size) {
#define ROW_OF(k) (column + (long)(first + (k)) * stride)
        DECIMATE_ROWS
#undef ROW_OF
    } else {
#define ROW_OF(k) (column + (long)inside(first + (k), size, boundary) * stride)
        DECIMATE_ROWS
#undef ROW_OF
    }
}

// Pixel p = factor q - factor / 2 + r is made of the samples q - 2 to q + 1, with the weights r of the four rows of
// `weights`; a row goes on for eight more, as if r were counted modulo `factor`.
#define INTERPOLATED(WEIGHT, AT) fma(WEIGHT(3), AT(3), fma(WEIGHT(2), AT(2), fma(WEIGHT(1), AT(1), WEIGHT(0) * AT(0))))
#define FIRST_WEIGHT(k) (weights + (k) * (factor + 8) + r)
#define WEIGHT(k) FIRST_WEIGHT(k)[0]
#define WEIGHT_16(k) (float16)(WEIGHT(k))
#define EIGHT_WEIGHTS(k) LOAD_8(FIRST_WEIGHT(k))
#define SAMPLE(k) row[q + k]
#define SAMPLE_OF_LANE(k) shuffle(eight, which + (uint)(k))
#define SAMPLE_OF_ROW(k) samples[(long)(k) * stride + i]
#define SAMPLES_OF_ROW(k) LOAD(&SAMPLE_OF_ROW(k))

// `size` is where the samples end. Eight pixels need at most eight samples.
__kernel void interpolate_along_x(LINES_ALONG_X, const int factor, __global const float *restrict weights, TARGET)
{
    SPAN_OF_ROW
    const int p = start + x + factor / 2, logarithm = 31 - clz(factor);
    const uint8 lane = (uint8)(0, 1, 2, 3, 4, 5, 6, 7);
    __global const float *row = in + in_offset + (long)z * in_slice + (long)y * in_row;
    int r = p & (factor - 1), q = p / factor - 2;
    for (int i = 0, n; i < count; i += n) {
        n = i + 8 <= count && q + 8 <= size ? 8 : 1;
        if (n == 8) {
            const float8 eight = LOAD_8(row + q);
            const uint8 which = (lane + (uint)r) >> (uint)logarithm;
            *(__global PackedEight *)(to + i) = INTERPOLATED(EIGHT_WEIGHTS, SAMPLE_OF_LANE);
        } else
            to[i] = INTERPOLATED(WEIGHT, SAMPLE);
        q += (r + n) >> logarithm;
        r = (r + n) & (factor - 1);
    }
}

__kernel void interpolate_across_rows(LINES_ACROSS_ROWS, const int factor, __global const float *restrict weights,
                                      TARGET)
{
    SPAN_OF_ROW
    const int p = start + (axis == 1 ? y : z) + factor / 2, r = p & (factor - 1);
    __global const float *samples = in + in_offset + (long)z * in_slice + (long)y * in_row + x;
    samples += (long)(p / factor - 2) * stride;
    int i = 0;
    for (; i + 16 <= count; i += 16)
        STORE(INTERPOLATED(WEIGHT_16, SAMPLES_OF_ROW), to + i);
    for (; i < count; i++)
        to[i] = INTERPOLATED(WEIGHT, SAMPLE_OF_ROW);
}
