// Unblocked steps of factorisations: both float types, and the eigenvalues of symmetric matrices in double.

// Eigenvalues `d` in no order and eigenvectors in the rows of `z` of a symmetric matrix with elements of at most 1,
// which is overwritten: reduction to a tridiagonal matrix by reflections, then implicit QL steps (Golub and Van Loan,
// Matrix Computations, 8.3; EISPACK's tred2 and imtql2). `e` has room for 4 n elements. The error of an eigenvalue is a
// small multiple of 2⁻⁵³ n times the matrix's norm. False if it does not converge.
static bool eigh_scaled(int64_t n, double *a, double *d, double *e, double *z) {
  double *p = e + n, *u = p + n, *tau = u + n;
  for (int64_t k = 0; k + 2 < n; k++) {
    double *x = a + k * n, square = 0, rest = 0;
    for (int64_t i = k + 2; i < n; i++) rest += x[i] * x[i];
    tau[k] = 0;
    e[k] = x[k + 1];
    if (rest == 0) continue;
    square = rest + x[k + 1] * x[k + 1];
    double alpha = x[k + 1], beta = -copysign(sqrt(square), alpha);
    double t = (beta - alpha) / beta, inverse = 1 / (alpha - beta), dot = 0;
    tau[k] = t;
    e[k] = beta;
    u[k + 1] = 1;
    for (int64_t i = k + 2; i < n; i++) u[i] = x[i] * inverse;
    for (int64_t i = k + 1; i < n; i++) p[i] = 0;
    for (int64_t i = k + 1; i < n; i++) {
      const double *row = a + i * n;
      double factor = t * u[i];
      INDEPENDENT
      for (int64_t j = k + 1; j < n; j++) p[j] += factor * row[j];
    }
    for (int64_t i = k + 1; i < n; i++) dot += p[i] * u[i];
    for (int64_t i = k + 1; i < n; i++) p[i] -= 0.5 * t * dot * u[i];
    for (int64_t i = k + 1; i < n; i++) {
      double *row = a + i * n;
      double first = u[i], second = p[i];
      INDEPENDENT
      for (int64_t j = k + 1; j < n; j++) row[j] -= first * p[j] + second * u[j];
    }
    for (int64_t i = k + 1; i < n; i++) x[i] = u[i];
  }
  if (n > 1) e[n - 2] = a[(n - 2) * n + n - 1];
  for (int64_t i = 0; i < n; i++) d[i] = a[i * n + i];
  if (n > 0) e[n - 1] = 0;

  // The product of the reflections, the last one first.
  for (int64_t i = 0; i < n * n; i++) z[i] = 0;
  for (int64_t i = 0; i < n; i++) z[i * n + i] = 1;
  for (int64_t k = n - 3; k >= 0; k--) {
    if (tau[k] == 0) continue;
    const double *v = a + k * n;
    for (int64_t j = k + 1; j < n; j++) p[j] = 0;
    for (int64_t i = k + 1; i < n; i++) {
      const double *row = z + i * n;
      double factor = tau[k] * v[i];
      INDEPENDENT
      for (int64_t j = k + 1; j < n; j++) p[j] += factor * row[j];
    }
    for (int64_t i = k + 1; i < n; i++) {
      double *row = z + i * n;
      double factor = v[i];
      INDEPENDENT
      for (int64_t j = k + 1; j < n; j++) row[j] -= factor * p[j];
    }
  }
  for (int64_t i = 0; i < n; i++) {
    for (int64_t j = 0; j < i; j++) {
      double x = z[i * n + j];
      z[i * n + j] = z[j * n + i];
      z[j * n + i] = x;
    }
  }

  for (int64_t l = 0; l < n; l++) {
    for (int step = 0;; step++) {
      int64_t m = l;
      while (m < n - 1 && fabs(e[m]) > 0x1p-53 * (fabs(d[m]) + fabs(d[m + 1]))) m++;
      if (m == l) break;
      if (step == 80) return false;
      double g = (d[l + 1] - d[l]) / (2 * e[l]), r = sqrt(g * g + 1);
      if (!(r < 1e150)) r = fabs(g);
      g = d[m] - d[l] + e[l] / (g + copysign(r, g));
      double s = 1, c = 1, shift = 0;
      int64_t i = m - 1;
      for (; i >= l; i--) {
        double f = s * e[i], b = c * e[i];
        r = sqrt(f * f + g * g);
        e[i + 1] = r;
        if (r == 0) {
          d[i + 1] -= shift;
          e[m] = 0;
          break;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1] - shift;
        r = (d[i] - g) * s + 2 * c * b;
        shift = s * r;
        d[i + 1] = g + shift;
        g = c * r - b;
        double *low = z + i * n, *high = low + n;
        INDEPENDENT
        for (int64_t k = 0; k < n; k++) {
          double x = low[k], y = high[k];
          high[k] = s * x + c * y;
          low[k] = c * x - s * y;
        }
      }
      if (r == 0 && i >= l) continue;
      d[l] -= shift;
      e[l] = g;
      e[m] = 0;
    }
  }
  return true;
}

#define MATRIX(name) name##_f32
#define MATRIX_T float
#define MATRIX_SQRT sqrtf
#define MATRIX_ABS fabsf
#include "matrix_float.inc.h"
#undef MATRIX
#undef MATRIX_T
#undef MATRIX_SQRT
#undef MATRIX_ABS

#define MATRIX(name) name##_f64
#define MATRIX_T double
#define MATRIX_SQRT sqrt
#define MATRIX_ABS fabs
#include "matrix_float.inc.h"
#undef MATRIX
#undef MATRIX_T
#undef MATRIX_SQRT
#undef MATRIX_ABS
