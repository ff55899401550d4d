// Package rmsnorm scales rows to unit root mean square and by a weight (Zhang and Sennrich, Root Mean
// Square Layer Normalization, 2019): y = x / sqrt(mean(x^2) + eps) * w, the mean in double. It can write
// its result as int8 activations at once, which saves a pass and a barrier before the next matmul.
package rmsnorm
