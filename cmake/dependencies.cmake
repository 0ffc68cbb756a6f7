# Every dependency of Attune: what, which version, why, and its licence.
# THIRD_PARTY_NOTICES.md is generated from the `# dependency:` lines (scripts/notices.py).
# Order matters: everything else is found before Torch, whose bundled headers shadow others.

# dependency: nlohmann-json | >= 3.11 | MIT | JSON at every border: model configs, rows, job files, events
find_package(nlohmann_json 3.11 REQUIRED)

# dependency: fmt | >= 9.1 | MIT | formatting of errors, logs and reports (std::format needs a newer compiler)
find_package(fmt 9.1 REQUIRED)

# dependency: OpenSSL | >= 3.0 | Apache-2.0 | SHA-256 of models, data and downloads; TLS of the feedback server
find_package(OpenSSL 3 REQUIRED COMPONENTS Crypto SSL)

# dependency: PCRE2 | >= 10.42 | BSD-3-Clause | pre-tokeniser patterns with \p{..} and look-ahead
find_package(PkgConfig REQUIRED)
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8>=10.42)

# dependency: utf8proc | >= 2.6 | MIT | Unicode categories and normalisation forms
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc>=2.6)

# dependency: zlib | >= 1.2.11 | Zlib | data sets packed by gzip, as most are published
find_package(ZLIB 1.2.11 REQUIRED)

# dependency: zstd | >= 1.5 | BSD-3-Clause | data sets packed by zstd, as the large ones are published
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd>=1.5)

# dependency: Apache Arrow | 26 (the wheel pyarrow) | Apache-2.0 | Parquet files (only in attune_parquet.so, loaded on first use)
include(arrow)

# dependency: yaml-cpp | >= 0.7 | MIT | configuration files (only in `attune`; the engine reads JSON)
find_package(yaml-cpp 0.7 REQUIRED)

# dependency: libcurl | >= 7.88 | curl | the hub's protocol for models and data sets; webhooks (only in `attune`)
find_package(CURL 7.88 REQUIRED)

# dependency: SQLite | >= 3.40 | public domain | the feedback server's own data base, with full text (FTS5)
find_package(SQLite3 3.40 REQUIRED)

# dependency: libpq | >= 15 | PostgreSQL | the feedback server on PostgreSQL
find_package(PostgreSQL 15 REQUIRED)

# dependency: libargon2 | >= 20171227 | CC0-1.0 | hashes of passwords (Argon2id)
pkg_check_modules(ARGON2 REQUIRED IMPORTED_TARGET libargon2>=20171227)

if(ATTUNE_WITH_TESTS)
  # dependency: GoogleTest | >= 1.12 | BSD-3-Clause | unit tests (not shipped)
  find_package(GTest 1.12 REQUIRED)
  # dependency: RapidCheck | 2023 | BSD-2-Clause | property tests (not shipped)
  find_path(RAPIDCHECK_INCLUDE_DIR rapidcheck.h REQUIRED)
  find_library(RAPIDCHECK_LIBRARY rapidcheck REQUIRED)
endif()

if(ATTUNE_WITH_ENGINE)
  # dependency: LibTorch | 2.11 to 2.14 | BSD-3-Clause | tensors, autograd, MKL products and CUDA (only in `attune-engine`)
  # dependency: libgomp | of the compiler | GPL-3.0 with the GCC Runtime Library Exception | LibTorch's thread pool (only in `attune-engine`)
  include(torch)
  # dependency: OpenMPI | >= 4.1 | BSD-3-Clause | training by several processes (only in `attune-engine`; without it, one process)
  pkg_check_modules(MPI QUIET IMPORTED_TARGET ompi-c>=4.1)
  if(TARGET PkgConfig::MPI)
    add_library(attune_mpi INTERFACE)
    target_link_libraries(attune_mpi INTERFACE PkgConfig::MPI)
  endif()
  # dependency: NCCL | the one of LibTorch | BSD-3-Clause | sums between GPUs (only with a LibTorch for CUDA, which brings it)
  include(nccl)
endif()
