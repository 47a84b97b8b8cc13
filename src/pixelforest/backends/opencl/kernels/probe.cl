// Asks a device whether it keeps the contract; the host compares each answer with NumPy's.

// Answers are planes of n values: contracted or not, fused, quotient, square root.
kernel void probe_arithmetic(global const float *a, global const float *b, global const float *c, global float *answers) {
    size_t i = get_global_id(0), n = get_global_size(0);
    answers[i] = a[i] * b[i] + c[i];
    answers[n + i] = fma(a[i], b[i], c[i]);
    answers[2 * n + i] = a[i] / b[i];
    answers[3 * n + i] = sqrt(fabs(a[i]));
}

// One bit per comparison operator.
kernel void probe_comparisons(global const float *a, global const float *b, global int *answers) {
    size_t i = get_global_id(0);
    float x = a[i], y = b[i];
    answers[i] = (x < y) | (x <= y) << 1 | (x == y) << 2 | (x != y) << 3 | (x >= y) << 4 | (x > y) << 5 | isnan(x) << 6;
}

kernel void probe_integers(global const long *a, global const long *b, global long *answers) {
    size_t i = get_global_id(0), n = get_global_size(0);
    answers[i] = a[i] * b[i] + (a[i] >> 7);
    answers[n + i] = (long)((ulong)a[i] >> 33) - b[i];
}

kernel void probe_order(global const float *a, global int *answers) {
    size_t i = get_global_id(0);
    answers[i] = order_key(a[i]);
}
