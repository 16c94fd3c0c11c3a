// Unblocked steps of factorisations in one float type; included once for f32 and once for f64, which define MATRIX_T
// and MATRIX(name) to append the type's name. Rows are `stride` elements apart; inner loops run along rows, so that
// they are vectors, and every sum has a fixed order.

// a = l lᵀ in the lower triangle of a block; `column` has room for n elements. False if the block is not positive
// definite (Golub and Van Loan, outer product form).
static bool MATRIX(cholesky)(int64_t n, void *block, int64_t stride, void *column) {
  MATRIX_T *a = block, *l = column;
  for (int64_t j = 0; j < n; j++) {
    MATRIX_T pivot = a[j * stride + j];
    if (!(pivot > 0) || pivot - pivot != 0) return false;
    pivot = MATRIX_SQRT(pivot);
    a[j * stride + j] = pivot;
    for (int64_t i = j + 1; i < n; i++) l[i] = a[i * stride + j] /= pivot;
    for (int64_t i = j + 1; i < n; i++) {
      MATRIX_T *row = a + i * stride;
      MATRIX_T x = l[i];
      INDEPENDENT
      for (int64_t k = j + 1; k <= i; k++) row[k] -= x * l[k];
    }
  }
  return true;
}

// x <- t⁻¹ x for a triangular block t of n rows and x of m columns.
static void MATRIX(solve_left)(bool lower, bool unit, int64_t n, int64_t m, const void *block, int64_t stride,
                               void *sides, int64_t sides_stride) {
  const MATRIX_T *t = block;
  MATRIX_T *x = sides;
  for (int64_t step = 0; step < n; step++) {
    int64_t i = lower ? step : n - 1 - step;
    MATRIX_T *row = x + i * sides_stride;
    for (int64_t j = lower ? 0 : i + 1; j < (lower ? i : n); j++) {
      const MATRIX_T *known = x + j * sides_stride;
      MATRIX_T factor = t[i * stride + j];
      INDEPENDENT
      for (int64_t k = 0; k < m; k++) row[k] -= factor * known[k];
    }
    if (unit) continue;
    MATRIX_T pivot = t[i * stride + i];
    for (int64_t k = 0; k < m; k++) row[k] /= pivot;
  }
}

// x <- x t⁻¹ for a triangular block t of n columns and x of m rows.
static void MATRIX(solve_right)(bool lower, bool unit, int64_t n, int64_t m, const void *block, int64_t stride,
                                void *sides, int64_t sides_stride) {
  const MATRIX_T *t = block;
  for (int64_t r = 0; r < m; r++) {
    MATRIX_T *row = (MATRIX_T *)sides + r * sides_stride;
    for (int64_t step = 0; step < n; step++) {
      int64_t j = lower ? n - 1 - step : step;
      const MATRIX_T *factors = t + j * stride;
      if (!unit) row[j] /= factors[j];
      MATRIX_T x = row[j];
      int64_t first = lower ? 0 : j + 1, end = lower ? j : n;
      INDEPENDENT
      for (int64_t k = first; k < end; k++) row[k] -= x * factors[k];
    }
  }
}

// dst -= src
static void MATRIX(subtract)(int64_t rows, int64_t columns, void *target, int64_t stride, const void *source,
                             int64_t source_stride) {
  for (int64_t i = 0; i < rows; i++) {
    MATRIX_T *to = (MATRIX_T *)target + i * stride;
    const MATRIX_T *from = (const MATRIX_T *)source + i * source_stride;
    INDEPENDENT
    for (int64_t j = 0; j < columns; j++) to[j] -= from[j];
  }
}

// Householder's reflections of a panel, as LAPACK's geqr2: r on and above the diagonal, below it the reflections'
// vectors without their leading 1, whose factors go to `tau`. `sums` has room for n elements.
static void MATRIX(reflect)(int64_t m, int64_t n, void *panel, int64_t stride, void *factors, void *sums) {
  MATRIX_T *a = panel, *tau = factors, *w = sums;
  for (int64_t j = 0; j < n && j < m; j++) {
    double largest = 0;
    for (int64_t i = j + 1; i < m; i++) {
      double x = fabs((double)a[i * stride + j]);
      largest = x > largest ? x : largest;
    }
    tau[j] = 0;
    if (largest == 0) continue;
    double alpha = a[j * stride + j];
    largest = fabs(alpha) > largest ? fabs(alpha) : largest;
    double square = 0;
    for (int64_t i = j; i < m; i++) {
      double x = a[i * stride + j] / largest;
      square += x * x;
    }
    double beta = -copysign(largest * sqrt(square), alpha);
    MATRIX_T t = (MATRIX_T)((beta - alpha) / beta);
    double scale = alpha - beta;
    tau[j] = t;
    a[j * stride + j] = (MATRIX_T)beta;
    for (int64_t i = j + 1; i < m; i++) a[i * stride + j] = (MATRIX_T)(a[i * stride + j] / scale);
    int64_t rest = n - j - 1;
    MATRIX_T *first = a + j * stride + j + 1;
    for (int64_t k = 0; k < rest; k++) w[k] = first[k];
    for (int64_t i = j + 1; i < m; i++) {
      const MATRIX_T *row = a + i * stride + j + 1;
      MATRIX_T x = a[i * stride + j];
      INDEPENDENT
      for (int64_t k = 0; k < rest; k++) w[k] += x * row[k];
    }
    for (int64_t k = 0; k < rest; k++) {
      w[k] *= t;
      first[k] -= w[k];
    }
    for (int64_t i = j + 1; i < m; i++) {
      MATRIX_T *row = a + i * stride + j + 1;
      MATRIX_T x = a[i * stride + j];
      INDEPENDENT
      for (int64_t k = 0; k < rest; k++) row[k] -= x * w[k];
    }
  }
}

// The upper triangular t with H₀ H₁ … = 1 - v t vᵀ, from s = vᵀ v and the factors (Schreiber and Van Loan, 1989).
static void MATRIX(reflector_product)(int64_t n, const void *squares, const void *factors, void *product) {
  const MATRIX_T *s = squares, *tau = factors;
  MATRIX_T *t = product;
  for (int64_t i = 0; i < n; i++) {
    for (int64_t r = 0; r < n; r++) {
      MATRIX_T sum = 0;
      for (int64_t c = r; c < i; c++) sum += t[r * n + c] * s[c * n + i];
      t[r * n + i] = r < i ? -tau[i] * sum : r == i ? tau[i] : 0;
    }
  }
}

// Gauss' elimination with row exchanges of a panel; the exchanged rows go to `pivots`.
static void MATRIX(eliminate)(int64_t m, int64_t n, void *panel, int64_t stride, int32_t *pivots) {
  MATRIX_T *a = panel;
  for (int64_t j = 0; j < n && j < m; j++) {
    int64_t pivot = j;
    MATRIX_T best = MATRIX_ABS(a[j * stride + j]);
    for (int64_t i = j + 1; i < m; i++) {
      MATRIX_T x = MATRIX_ABS(a[i * stride + j]);
      if (x > best) {
        best = x;
        pivot = i;
      }
    }
    pivots[j] = (int32_t)pivot;
    MATRIX_T *top = a + j * stride;
    if (pivot != j) {
      MATRIX_T *other = a + pivot * stride;
      for (int64_t k = 0; k < n; k++) {
        MATRIX_T x = top[k];
        top[k] = other[k];
        other[k] = x;
      }
    }
    if (top[j] == 0) continue;
    for (int64_t i = j + 1; i < m; i++) {
      MATRIX_T *row = a + i * stride;
      MATRIX_T x = row[j] /= top[j];
      INDEPENDENT
      for (int64_t k = j + 1; k < n; k++) row[k] -= x * top[k];
    }
  }
}

// Eigenvalues in ascending order and unit eigenvectors in columns, from the lower triangle, in double.
static void MATRIX(eigh)(int64_t n, const void *matrix, void *values, void *vectors, double *work) {
  const MATRIX_T *a = matrix;
  MATRIX_T *w = values, *v = vectors;
  double *full = work, *rows = work + n * n, *d = rows + n * n, *e = d + n;
  double largest = 0;
  bool finite = true;
  for (int64_t i = 0; i < n; i++) {
    for (int64_t j = 0; j <= i; j++) {
      double x = a[i * n + j];
      finite &= x - x == 0;
      largest = fabs(x) > largest ? fabs(x) : largest;
    }
  }
  double scale = largest > 0 ? largest : 1;
  for (int64_t i = 0; i < n; i++) {
    for (int64_t j = 0; j <= i; j++) full[i * n + j] = full[j * n + i] = a[i * n + j] / scale;
  }
  if (!finite || !eigh_scaled(n, full, d, e, rows)) {
    for (int64_t i = 0; i < n; i++) w[i] = (MATRIX_T)NAN;
    for (int64_t i = 0; i < n * n; i++) v[i] = (MATRIX_T)NAN;
    return;
  }
  // Selection, which keeps equal values in order.
  for (int64_t column = 0; column < n; column++) {
    int64_t best = -1;
    for (int64_t i = 0; i < n; i++) {
      if (d[i] == d[i] && (best < 0 || d[i] < d[best])) best = i;
    }
    const double *vector = rows + best * n;
    int64_t leading = 0;
    for (int64_t i = 0; i < n; i++) leading = fabs(vector[i]) > fabs(vector[leading]) ? i : leading;
    double sign = vector[leading] < 0 ? -1 : 1;
    w[column] = (MATRIX_T)(d[best] * scale);
    for (int64_t i = 0; i < n; i++) v[i * n + column] = (MATRIX_T)(vector[i] * sign);
    d[best] = NAN;  // taken
  }
}

static const blox_matrix_kernels MATRIX(matrix_kernels) = {
  MATRIX(cholesky), MATRIX(solve_left), MATRIX(solve_right), MATRIX(subtract), MATRIX(reflect),
  MATRIX(reflector_product), MATRIX(eliminate), MATRIX(eigh),
};
