// Weight-stationary systolic arrays (TPU matrix units, Gaudi MME, Trainium tensor engine; Jouppi et al., ISCA 2017): a
// product is cut into k x n tiles of the array's shape; each tile streams the m rows through, and loading the next tile's
// weights (one row per cycle) hides behind the streaming when m is long enough. Arrays share the tiles; fill and drain of
// rows + columns cycles is paid once. Dimensions are padded: k and n to the array, m to 8 rows (a vector register).
//   t = launch + join(bytes / (e_m BW), passes x max(m, rows) / (e rate of one array)), join with exponent `overlap`
// Fused attention is such products as well, two forward and five backward, at the fraction of the peak of its own parameters:
// half of them as deep as a head, half as wide, so that narrow heads leave most of the array idle; heads that share keys
// stream together. A causal mask spares what blocks of query rows as long as the array need not see, but no part of a block.
// XLA's and similar compilers' fusion is in the kernels' bytes and launches (the
// software profile), not here. Valid for large products; small ones are bound by `launch`.
#pragma once

#include "kernels/kernel_terms.hpp"

namespace orrery {

KernelTerms systolic(const Kernel&, const DeviceContext&);

}  // namespace orrery
