/* SPDX-License-Identifier: MIT */
/* Declarations of all kernels; included once per dtype with REAL and GRU_TABLE defined.
 * Sizes: batch size B, hidden size H, vocabulary size V; Hp and Vp are H and V rounded up to whole
 * cache lines; ld* are row strides in elements. Outputs come first. [c +]: if accumulate. */
typedef struct {
    ptrdiff_t lanes; /* elements of a SIMD vector */
    ptrdiff_t panel; /* columns of a packed panel */

    /* packed (N/panel, K, panel) = b[k*stride_k + n*stride_n], zero for n in [n_valid, N); only the
     * panels [panel_begin, panel_end) */
    void (*pack)(REAL *packed, const REAL *b, ptrdiff_t stride_k, ptrdiff_t stride_n, ptrdiff_t K,
                 ptrdiff_t n_valid, ptrdiff_t N, ptrdiff_t panel_begin, ptrdiff_t panel_end);
    /* c (M, N) = [c +] a (M, K) b (K, N), b packed */
    void (*matmul_packed)(REAL *c, ptrdiff_t ldc, const REAL *a, ptrdiff_t lda, const REAL *packed,
                          ptrdiff_t M, ptrdiff_t N, ptrdiff_t K, int accumulate);
    /* c (M, N) = a (M, K) b (K, N), b not packed */
    void (*matmul_rows)(REAL *c, ptrdiff_t ldc, const REAL *a, ptrdiff_t lda, const REAL *b,
                        ptrdiff_t ldb, ptrdiff_t M, ptrdiff_t N, ptrdiff_t K);
    /* c (M, N) = [c +] a^T d, a (R, M), d (R, N), rows of whole vectors. If update is not NULL, the
     * product is a gradient: it updates the parameters, and c is undefined afterwards. Size of
     * scratch: GRU_CHUNK_ROWS * (M in whole vectors + GRU_PANEL_GROUP * panel) */
    void (*matmul_t)(REAL *c, ptrdiff_t ldc, const REAL *a, ptrdiff_t lda, const REAL *d,
                     ptrdiff_t ldd, ptrdiff_t M, ptrdiff_t N, ptrdiff_t R, int accumulate,
                     const gru_update *update, REAL *scratch);

    /* One time step, of n units: all of them, n = Hp, or those from the first one that the pointers
     * point at. gates (B, 3, Hp) holds Uz h_prev and Ur h_prev. In place z = sigmoid(. + Wz x
     * + bz), r = sigmoid(. + Wr x + br); rh (B, Hp) = r * h_prev. x (B) are symbols; if it is NULL,
     * w (B, 3, Hp) holds W x. */
    void (*gates_forward)(REAL *gates, REAL *rh, const REAL *h_prev, const int32_t *x,
                          const REAL *w /* (V, 3, Hp) */, const REAL *b /* (3, Hp) */, ptrdiff_t B,
                          ptrdiff_t n, ptrdiff_t Hp);
    /* gates holds Uh rh: in place h_hat = tanh(. + Wh x + bh);
     * h (B, Hp) = z * h_prev + (1 - z) * h_hat */
    void (*candidate_forward)(REAL *gates, REAL *h, const REAL *h_prev, const int32_t *x,
                              const REAL *w, const REAL *b, ptrdiff_t B, ptrdiff_t n, ptrdiff_t Hp);
    /* in place: z -> dz_l, h_hat -> dh_hat_l, dh -> dh * z (docs/equations.md) */
    void (*candidate_backward)(REAL *gates, REAL *dh, const REAL *h_prev, ptrdiff_t B, ptrdiff_t n,
                               ptrdiff_t Hp);
    /* in place: r -> dr_l, dh += drh * r */
    void (*gates_backward)(REAL *gates, REAL *dh, const REAL *drh, const REAL *h_prev, ptrdiff_t B,
                           ptrdiff_t n, ptrdiff_t Hp);

    /* y (R, Vp) -> p = softmax((y + by) * inverse_temperature) in place; loss (R) = -log p[target]
     * in nats. loss and targets may be NULL. */
    void (*softmax_cross_entropy)(REAL *y, double *loss, const int32_t *targets, const REAL *by,
                                  REAL inverse_temperature, ptrdiff_t R, ptrdiff_t V, ptrdiff_t Vp);
    /* p (R, Vp) -> dy = scale * (p - one_hot(target)) */
    void (*cross_entropy_backward)(REAL *p, const int32_t *targets, REAL scale, ptrdiff_t R,
                                   ptrdiff_t Vp);
    /* sample from p (V): the first symbol whose cumulative sum exceeds u * sum(p), u in [0, 1) */
    int32_t (*sample)(const REAL *p, double u, ptrdiff_t V);

    /* db (N) = [db +] the sum of the rows of d (R, ld), and dw (., ld)[x[r]] += d[r]; dw and x may
     * be NULL */
    void (*sum_rows)(REAL *db, REAL *dw, const REAL *d, const int32_t *x, ptrdiff_t R, ptrdiff_t N,
                     ptrdiff_t ld, int accumulate);
    /* y (R, N) = [y +] dropout(x (R, N)), both of row stride ld: elements are zero with probability
     * `dropout`, others are divided by 1 - dropout. The random numbers depend on key, row number
     * (r + row) and column number (n + column). */
    void (*dropout)(REAL *y, const REAL *x, uint64_t key, ptrdiff_t row, ptrdiff_t column,
                    ptrdiff_t R, ptrdiff_t N, ptrdiff_t ld, double dropout, int accumulate);

    /* g = min(max(g, -limit), limit) */
    void (*clip)(REAL *g, REAL limit, ptrdiff_t n);
    /* the optimiser's update with gradients g (n) */
    void (*apply)(REAL *g, const gru_update *update, ptrdiff_t n);
    /* sum of g^2, in double */
    double (*sum_squares)(REAL *g, ptrdiff_t n);

    /* y = f(x), n elements, any n */
    void (*vexp)(REAL *y, const REAL *x, ptrdiff_t n);
    void (*vsigmoid)(REAL *y, const REAL *x, ptrdiff_t n);
    void (*vtanh)(REAL *y, const REAL *x, ptrdiff_t n);
    void (*vlog)(REAL *y, const REAL *x, ptrdiff_t n);
} GRU_TABLE;
