// Copies the features of single rows, so that the host can decide them again.
kernel void forest_gather(global const float *values, ulong row_stride, ulong feature_stride, global const ulong *rows,
                          ulong n_features, global float *copies) {
    const ulong i = get_global_id(1), feature = get_global_id(0);
    copies[i * n_features + feature] = values[rows[i] * row_stride + feature * feature_stride];
}
