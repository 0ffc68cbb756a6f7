#include "engine/tensor/foreign_device.h"

#include <ATen/EmptyTensor.h>
#include <ATen/native/CPUFallback.h>
#include <ATen/ops/_reshape_alias_native.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/view_native.h>
#include <c10/core/Allocator.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <sys/mman.h>
#include <torch/library.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

namespace attune::engine::testing {
namespace {

constexpr auto kType = c10::DeviceType::PrivateUse1;

// The same pages twice: where the tensor says they are, out of reach, and where we read them.
struct Memory {
  void* shown = nullptr;
  void* reached = nullptr;
  size_t bytes = 0;
};

void release(void* context) {
  auto* memory = static_cast<Memory*>(context);
  munmap(memory->shown, memory->bytes);
  munmap(memory->reached, memory->bytes);
  delete memory;
}

class ForeignAllocator : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    auto* memory = new Memory;
    memory->bytes = (std::max<size_t>(bytes, 1) + page - 1) / page * page;
    const int file = memfd_create("foreign", 0);
    if (file < 0 || ftruncate(file, static_cast<off_t>(memory->bytes)) != 0) {
      throw std::runtime_error("no memory for the foreign device");
    }
    memory->shown = mmap(nullptr, memory->bytes, PROT_NONE, MAP_SHARED, file, 0);
    memory->reached =
        mmap(nullptr, memory->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (memory->shown == MAP_FAILED || memory->reached == MAP_FAILED) {
      throw std::runtime_error("no memory for the foreign device");
    }
    return {memory->shown, memory, release, c10::Device(kType, 0)};
  }
  void copy_data(void*, const void*, size_t) const override {
    throw std::runtime_error("the foreign device copies tensors, not bytes");
  }
};

ForeignAllocator& allocator() {
  static ForeignAllocator instance;
  return instance;
}

// A tensor's elements as the CPU sees them, without a copy.
Tensor reached(const Tensor& tensor) {
  if (tensor.device().type() != kType) return tensor;
  const auto* memory = static_cast<const Memory*>(tensor.storage().data_ptr().get_context());
  char* begin = static_cast<char*>(memory->reached) + tensor.storage_offset() * tensor.itemsize();
  return at::from_blob(begin, tensor.sizes(), tensor.strides(), tensor.scalar_type());
}

Tensor empty(at::IntArrayRef size, std::optional<at::ScalarType> type,
             std::optional<at::Layout> /*layout*/, std::optional<at::Device> /*device*/,
             std::optional<bool> /*pin*/, std::optional<at::MemoryFormat> format) {
  return at::detail::empty_generic(size, &allocator(),
                                   c10::DispatchKeySet(c10::DispatchKey::PrivateUse1),
                                   type.value_or(at::kFloat), format);
}

Tensor empty_strided(at::IntArrayRef size, at::IntArrayRef stride,
                     std::optional<at::ScalarType> type, std::optional<at::Layout> /*layout*/,
                     std::optional<at::Device> /*device*/, std::optional<bool> /*pin*/) {
  return at::detail::empty_strided_generic(size, stride, &allocator(),
                                           c10::DispatchKeySet(c10::DispatchKey::PrivateUse1),
                                           type.value_or(at::kFloat));
}

Tensor copy_from(const Tensor& from, const Tensor& to, bool /*non_blocking*/) {
  reached(to).copy_(reached(from));
  return to;
}

// Another size means other memory.
const Tensor& resize(const Tensor& self, at::IntArrayRef size,
                     std::optional<at::MemoryFormat> /*format*/) {
  if (self.sizes() == size) return self;
  const Tensor fresh = empty(size, self.scalar_type(), {}, {}, {}, {});
  self.unsafeGetTensorImpl()->set_storage_keep_dtype(fresh.storage());
  self.unsafeGetTensorImpl()->set_sizes_and_strides(size, fresh.strides());
  return self;
}

Tensor copy_from_and_resize(const Tensor& from, const Tensor& to) {
  resize(to, from.sizes(), {});
  return copy_from(from, to, false);
}

bool holds_numbers_of_the_cpu(const Tensor& tensor) {
  return tensor.defined() && tensor.device().is_cpu() && tensor.dim() > 0;
}

// What has no kernel of its own runs on the CPU, but never on a mixture.
void run_on_cpu(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const size_t inputs = op.schema().arguments().size();
  for (size_t i = stack->size() - inputs; i < stack->size(); ++i) {
    const c10::IValue& value = (*stack)[i];
    bool foreign_to_us = false;
    if (value.isTensor()) foreign_to_us = holds_numbers_of_the_cpu(value.toTensor());
    if (value.isTensorList()) {
      for (const Tensor& tensor : value.toTensorVector()) {
        foreign_to_us = foreign_to_us || holds_numbers_of_the_cpu(tensor);
      }
    }
    if (value.isOptionalTensorList()) {
      for (const std::optional<Tensor>& tensor : value.toOptionalTensorVector()) {
        foreign_to_us = foreign_to_us || (tensor && holds_numbers_of_the_cpu(*tensor));
      }
    }
    if (foreign_to_us) {
      throw std::runtime_error(op.schema().name() + ": argument " + std::to_string(i) +
                               " is on the CPU and others are not");
    }
  }
  at::native::cpu_fallback(op, stack);
}

struct ForeignGuard : c10::impl::NoOpDeviceGuardImpl<kType> {
  ForeignGuard() = default;
  explicit ForeignGuard(c10::DeviceType) {}
  c10::Device exchangeDevice(c10::Device) const override { return {kType, 0}; }
  c10::Device getDevice() const override { return {kType, 0}; }
  c10::Stream getStream(c10::Device) const noexcept override {
    return c10::Stream(c10::Stream::DEFAULT, c10::Device(kType, 0));
  }
};

C10_REGISTER_GUARD_IMPL(PrivateUse1, ForeignGuard)

TORCH_LIBRARY_IMPL(_, PrivateUse1, library) {
  library.fallback(torch::CppFunction::makeFromBoxedFunction<&run_on_cpu>());
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, library) {
  library.impl("empty.memory_format", &empty);
  library.impl("empty_strided", &empty_strided);
  library.impl("_copy_from", &copy_from);
  library.impl("_copy_from_and_resize", &copy_from_and_resize);
  library.impl("resize_", &resize);
  library.impl("view", &at::native::view);
  library.impl("as_strided", [](const Tensor& self, at::IntArrayRef size, at::IntArrayRef stride,
                                std::optional<int64_t> offset) {
    return at::native::as_strided_tensorimpl(self, size, stride, offset);
  });
  library.impl("_reshape_alias", &at::native::_reshape_alias);
}

}  // namespace

at::Device foreign_device() {
  c10::SetAllocator(kType, &allocator());
  return {kType, 0};
}

}  // namespace attune::engine::testing
