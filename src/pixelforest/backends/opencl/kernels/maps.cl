// Functions of planes by vectors of 16, and by floats where rows are narrower. Follows planes.cl and passes.cl.

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
