// Who computes with how many threads. Two thread pools on the same cores make a small model twenty
// times slower, so one place decides: OpenMP and MKL get the same N, operators never run side by
// side. Tensor work belongs on the thread that called set_compute_threads (each other thread that
// enters a parallel region would get a team of its own).
#pragma once

namespace attune::engine {

// Cores this process may use: its affinity mask, cut by the control group's quota; at least 1.
int available_cores();

// Sets OpenMP = MKL = `threads` and one inter-operator thread; 0 means available_cores(). Returns
// what was set. Call it once, before the first tensor operation; later calls change only
// OpenMP/MKL.
int set_compute_threads(int threads);

int compute_threads();

}  // namespace attune::engine
