// Weight-stationary systolic arrays (TPU matrix units, Gaudi MME, Trainium tensor engine; Jouppi et al., ISCA 2017): a
// product is cut into k x n tiles of the array's shape; each tile streams the m rows through, and loading the next tile's
// weights (one row per cycle) hides behind the streaming when m is long enough. Arrays share the tiles; fill and drain of
// rows + columns cycles is paid once. Dimensions are padded: k and n to the array, m to 8 rows (a vector register).
//   t = launch + join(bytes / (e_m BW), passes x max(m, rows) / (e rate of one array)), join with exponent `overlap`
// Attention is two such products per block. XLA's and similar compilers' fusion is in the kernels' bytes and launches (the
// software profile), not here. Valid for large products; small ones are bound by `launch`.
#pragma once

#include "kernels/kernel_terms.hpp"

namespace orrery {

KernelTerms systolic(const Kernel&, const DeviceContext&);

}  // namespace orrery
