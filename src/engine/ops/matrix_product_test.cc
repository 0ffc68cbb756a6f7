// Products by our kernel against double precision, on one thread and several; the kernels of other
// instruction sets are in kernel_variants_test.cc.
#include "engine/ops/matrix_product.h"

#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include "engine/ops/cpu/kernels.h"
#include "engine/tensor/gradient_check.h"

namespace attune::engine::ops {
namespace {

using testing::OneThread;
using testing::relative_difference;

struct Shape {
  int64_t rows, columns, depth;
};
// Large enough for our kernel.
const std::vector<Shape> kShapes = {
    {303, 267, 130}, {267, 531, 130}, {256, 256, 700}, {1031, 270, 65}};

Tensor exact(const Tensor& a, const Tensor& b) {
  return at::matmul(a.to(at::kDouble), b.to(at::kDouble));
}

TEST(MatrixProduct, EitherKindEqualsDoublePrecision) {
  for (const ProductKind kind : {ProductKind::kOwn, ProductKind::kLibrary}) {
    const ProductOverride chosen(kind);
    for (const Shape& shape : kShapes) {
      const Tensor a = at::randn({shape.rows, shape.depth});
      const Tensor b = at::randn({shape.columns, shape.depth}).t();
      const Tensor wanted = exact(a, b);
      EXPECT_LT(relative_difference(product(a, b), wanted), 1e-5);
      Tensor c = at::randn({shape.rows, shape.columns});
      const Tensor before = c.to(at::kDouble);
      add_product(c, a, b);
      EXPECT_LT(relative_difference(c, before + wanted), 1e-5);
      product_out(c, a, b);
      EXPECT_LT(relative_difference(c, wanted), 1e-5);
      Tensor wide = at::randn({shape.rows, shape.columns + 5});
      Tensor inner = wide.narrow(1, 2, shape.columns);
      product_out(inner, a, b);
      EXPECT_LT(relative_difference(inner, wanted), 1e-5) << "into a slice";
    }
  }
}

TEST(MatrixProduct, SlicesAndTurnedOperandsAreReadRight) {
  const ProductOverride chosen(ProductKind::kOwn);
  const Tensor wide = at::randn({700, 700});
  const Tensor rows_apart = wide.narrow(1, 7, 300), turned = wide.narrow(0, 3, 300).t();
  const Tensor every_third = at::randn({300, 900}).slice(1, 0, 900, 3);
  for (const Tensor& a : {rows_apart, turned}) {
    EXPECT_LT(relative_difference(product(a, every_third), exact(a, every_third)), 1e-5);
  }
}

// A layer's: widths of no whole tile, one too narrow to be worth our kernel alone, more columns
// than are packed at once.
TEST(MatrixProduct, ProductsWithOneLeftSideEqualDoublePrecision) {
  for (const ProductKind kind : {ProductKind::kOwn, ProductKind::kLibrary}) {
    const ProductOverride chosen(kind);
    const Tensor a = at::randn({310, 601});
    const std::vector<Tensor> bs = {at::randn({2100, 601}).t(), at::randn({601, 193}),
                                    at::randn({19, 601}).t()};
    const std::vector<Tensor> results = products(a, bs);
    ASSERT_EQ(results.size(), bs.size());
    for (size_t i = 0; i < bs.size(); ++i) {
      EXPECT_LT(relative_difference(results[i], exact(a, bs[i])), 1e-5) << i;
    }
    EXPECT_TRUE(products(a, {bs[0], bs[1]})[1].equal(results[1]));  // whatever else is made
  }
}

// Blocks in each direction at once: rows and columns are packed anew, or kept, for each.
TEST(MatrixProduct, ManyBlocksEqualDoublePrecision) {
  const ProductOverride chosen(ProductKind::kOwn);
  for (const Shape& shape : std::vector<Shape>{{9001, 2501, 601}, {9001, 70, 601}}) {
    const Tensor a = at::randn({shape.depth, shape.rows}).t();
    const Tensor b = at::randn({shape.depth, shape.columns});
    EXPECT_LT(relative_difference(product(a, b), exact(a, b)), 1e-5) << shape.columns;
  }
}

// What keeps a resumed run's bits where the number of threads is the machine's choice of cut.
TEST(MatrixProduct, TheCutAmongThreadsChangesNoBit) {
  const ProductOverride chosen(ProductKind::kOwn);
  if (cpu::kernels() == nullptr) GTEST_SKIP() << "no kernels here";
  for (const Shape& shape : kShapes) {
    const Tensor a = at::randn({shape.rows, shape.depth});
    const Tensor b = at::randn({shape.depth, shape.columns});
    const int threads = at::get_num_threads();
    at::set_num_threads(3);
    const Tensor many = product(a, b);
    at::set_num_threads(threads);
    const OneThread alone;
    EXPECT_TRUE(product(a, b).equal(many));
  }
}

TEST(MatrixProduct, AFewRowsEqualDoublePrecision) {
  const Tensor weight = at::randn({700, 170});  // large enough for our kernel
  for (const int64_t rows : {1, 2, 5, 8, 13, 64, 65}) {
    const Tensor x = at::randn({rows, 170});
    EXPECT_LT(relative_difference(product(x, weight.t()), exact(x, weight.t())), 1e-5) << rows;
    const Tensor slice = at::randn({rows, 200}).narrow(1, 9, 170);
    const Tensor apart = at::randn({700, 190}).narrow(1, 3, 170).t();
    EXPECT_LT(relative_difference(product(slice, apart), exact(slice, apart)), 1e-5) << rows;
    const Tensor turned = at::randn({170, rows}).t();  // rows that do not lie side by side
    EXPECT_LT(relative_difference(product(turned, weight.t()), exact(turned, weight.t())), 1e-5);
  }
}

// So that what is sampled beside a sequence does not change it.
TEST(MatrixProduct, ARowOfAFewIsTheSameBesideOthersAndOnAnyThreads) {
  if (cpu::kernels() == nullptr) GTEST_SKIP() << "no kernels here";
  const Tensor weight = at::randn({701, 170}), x = at::randn({64, 170});
  const int threads = at::get_num_threads();
  at::set_num_threads(3);
  const Tensor all = product(x, weight.t());
  at::set_num_threads(threads);
  const OneThread one;
  for (const int64_t rows : {1, 2, 3, 8, 11, 63}) {
    const Tensor some = product(x.narrow(0, 64 - rows, rows), weight.t());
    EXPECT_TRUE(some.equal(all.narrow(0, 64 - rows, rows))) << rows;
  }
}

TEST(MatrixProduct, OtherTypesGoToTheLibrary) {
  const ProductOverride chosen(ProductKind::kOwn);
  const Tensor a = at::randn({260, 130}, at::kDouble), b = at::randn({130, 270}, at::kDouble);
  EXPECT_TRUE(product(a, b).equal(at::matmul(a, b)));
}

// Whatever it is, it stays: results of one process are comparable bit by bit.
TEST(MatrixProduct, TheMeasuredKindStays) {
  const ProductKind kind = product_kind();
  EXPECT_EQ(product_kind(), kind);
  if (cpu::kernels() == nullptr) {
    EXPECT_EQ(kind, ProductKind::kLibrary);
  }
  {
    const ProductOverride other(kind == ProductKind::kOwn ? ProductKind::kLibrary
                                                          : ProductKind::kOwn);
    EXPECT_NE(product_kind(), kind);
  }
  EXPECT_EQ(product_kind(), kind);
}

}  // namespace
}  // namespace attune::engine::ops
