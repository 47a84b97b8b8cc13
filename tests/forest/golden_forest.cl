// A forest of 2 trees for 2 features and 3 classes.
// votes[0]: "sky"
// votes[1]: "a tree\\"
// votes[2]: ""
// A tree has 1073741824 votes. NaN takes the `else`, or the `if` where isnan is asked.
#pragma OPENCL FP_CONTRACT OFF

inline void tree_0(const float *x, uint *votes) {
    if (x[1] <= 0x1.9999980000000p-4f || isnan(x[1])) {  // 0.1
        if (x[0] <= -0x1.4000000000000p+1f) {  // -2.5
            votes[0] += 1073741824;  // 1
        } else {
            votes[0] += 268435456;  // 0.25
            votes[1] += 536870912;  // 0.5
            votes[2] += 268435456;  // 0.25
        }
    } else {
        votes[1] += 357913941;  // 0.333333
        votes[2] += 715827883;  // 0.666667
    }
}

inline void tree_1(const float *x, uint *votes) {
    if (x[0] <= INFINITY) {  // inf
        if (x[1] <= -INFINITY) {  // -1e+39
            votes[1] += 357913941;  // 0.333333
            votes[2] += 715827883;  // 0.666667
        } else {
            votes[0] += 268435456;  // 0.25
            votes[1] += 536870912;  // 0.5
            votes[2] += 268435456;  // 0.25
        }
    } else {
        votes[0] += 1073741824;  // 1
    }
}

kernel void predict(global const float *rows, global uint *winners, global uint *all_votes) {
    const size_t row = get_global_id(0);
    float x[2];
    for (int i = 0; i < 2; i++)
        x[i] = rows[row * 2 + i];
    uint votes[3] = {0};
    tree_0(x, votes);
    tree_1(x, votes);
    uint winner = 0;
    for (uint i = 0; i < 3; i++) {
        all_votes[row * 3 + i] = votes[i];
        if (votes[i] > votes[winner])
            winner = i;
    }
    winners[row] = winner;
}
