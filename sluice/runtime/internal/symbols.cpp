// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/symbols.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <span>
#include <utility>

#include <cxxabi.h>
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sluice::internal {
namespace {

constexpr std::size_t kNameBytesMax = 240;  // three lines of a terminal; more is a template's arguments

// As people write them.
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kShorter{{
    {"std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >", "std::string"},
    {"std::basic_string_view<char, std::char_traits<char> >", "std::string_view"},
    {"(anonymous namespace)::", ""},
    {"[clone .", "[."},
}};

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size()) text.replace(at, from.size(), to);
}

std::string hex(std::uintptr_t number) {
  char digits[2 * sizeof number];
  return "0x" + std::string(digits, std::to_chars(digits, std::end(digits), number, 16).ptr);
}

// From the first of `text`, which is inside brackets, up to the comma or bracket that ends the argument.
std::string_view first_argument(std::string_view text) noexcept {
  int depth = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '<' || text[at] == '(' || text[at] == '{') ++depth;
    if (text[at] == '>' || text[at] == ')' || text[at] == '}') --depth;
    if (depth < 0 || (depth == 0 && text[at] == ',')) return text.substr(0, at);
  }
  return text;
}

// The function that calls a closure bears the closure's name among much else, and mostly holds its code as well.
std::string_view called_closure(std::string_view name) noexcept {
  constexpr std::string_view kSpawn = "sluice::internal::spawn<", kFunction = "std::_Function_handler<";
  if (name.starts_with(kSpawn)) {
    std::string_view closure = first_argument(name.substr(kSpawn.size()));
    for (std::string_view starter : {"sluice::TaskGroup::start<", "sluice::go<"})
      if (closure.starts_with(starter)) return first_argument(closure.substr(starter.size()));
    return closure;
  }
  if (!name.starts_with(kFunction)) return name;
  std::string_view rest = name.substr(kFunction.size());
  std::size_t signature = first_argument(rest).size();
  return rest.size() < signature + 2 ? name : first_argument(rest.substr(signature + 2));
}

// A part of the file as an array; empty if the file is too short for what it says. It is our own, but may be damaged.
template <class T>
std::span<const T> part(std::span<const std::byte> file, std::uint64_t offset, std::uint64_t bytes) noexcept {
  if (offset > file.size() || bytes > file.size() - offset || offset % alignof(T) != 0) return {};
  return {reinterpret_cast<const T*>(file.data() + offset), bytes / sizeof(T)};
}

}  // namespace

Symbols::Symbols() noexcept {
  // The first object is the program.
  ::dl_iterate_phdr([](dl_phdr_info* info, std::size_t, void* bias) {
    *static_cast<std::uintptr_t*>(bias) = info->dlpi_addr;
    return 1;
  }, &load_bias_);
  int fd = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  struct stat status {};
  if (::fstat(fd, &status) == 0 && status.st_size > 0) {
    file_bytes_ = static_cast<std::size_t>(status.st_size);
    void* memory = ::mmap(nullptr, file_bytes_, PROT_READ, MAP_PRIVATE, fd, 0);
    if (memory != MAP_FAILED) file_ = static_cast<const std::byte*>(memory);
  }
  ::close(fd);
  if (file_ != nullptr) read_program();
}

Symbols::~Symbols() {
  if (file_ != nullptr) ::munmap(const_cast<std::byte*>(file_), file_bytes_);
}

void Symbols::read_program() noexcept {
  std::span file(file_, file_bytes_);
  auto header = part<ElfW(Ehdr)>(file, 0, sizeof(ElfW(Ehdr)));
  if (header.empty()) return;
  auto sections = part<ElfW(Shdr)>(file, header[0].e_shoff, std::uint64_t{header[0].e_shnum} * sizeof(ElfW(Shdr)));
  for (const ElfW(Shdr)& section : sections) {
    if (section.sh_type != SHT_SYMTAB || section.sh_link >= sections.size()) continue;
    const ElfW(Shdr)& strings = sections[section.sh_link];
    auto names = part<char>(file, strings.sh_offset, strings.sh_size);
    if (names.empty() || names.back() != '\0') continue;
    for (const ElfW(Sym)& symbol : part<ElfW(Sym)>(file, section.sh_offset, section.sh_size)) {
      bool is_function = (symbol.st_info & 0xf) == STT_FUNC && symbol.st_shndx != SHN_UNDEF;
      if (is_function && symbol.st_name < names.size())
        functions_.push_back({load_bias_ + symbol.st_value, symbol.st_size, names.data() + symbol.st_name});
    }
  }
  std::ranges::sort(functions_, {}, &Function::begin);
}

const Symbols::Function* Symbols::find(std::uintptr_t address) const noexcept {
  auto after = std::ranges::upper_bound(functions_, address, {}, &Function::begin);
  if (after == functions_.begin()) return nullptr;
  const Function& before = *std::prev(after);
  return address - before.begin < before.bytes ? &before : nullptr;
}

std::string Symbols::name_of(std::uintptr_t address) const {
  if (const Function* function = find(address)) return readable_name(function->name);
  Dl_info info{};
  if (::dladdr(reinterpret_cast<const void*>(address), &info) == 0 || info.dli_sname == nullptr) return {};
  return readable_name(info.dli_sname);
}

std::string Symbols::describe(std::uintptr_t address) const {
  if (const Function* function = find(address))
    return readable_name(function->name) + "+" + hex(address - function->begin) + "  (addr2line " +
           hex(address - load_bias_) + ")";
  Dl_info info{};
  if (::dladdr(reinterpret_cast<const void*>(address), &info) == 0) return hex(address);
  std::string_view file = info.dli_fname != nullptr ? info.dli_fname : "?";
  file.remove_prefix(file.rfind('/') + 1);
  std::string place = std::string(file) + "+" + hex(address - reinterpret_cast<std::uintptr_t>(info.dli_fbase));
  if (info.dli_sname == nullptr) return place;
  return readable_name(info.dli_sname) + "+" + hex(address - reinterpret_cast<std::uintptr_t>(info.dli_saddr)) + "  (" +
         place + ")";
}

std::string readable_name(const char* mangled) {
  std::unique_ptr<char, decltype(&std::free)> demangled(abi::__cxa_demangle(mangled, nullptr, nullptr, nullptr), &std::free);
  std::string name = demangled ? demangled.get() : mangled;
  for (auto [longer, shorter] : kShorter) replace_all(name, longer, shorter);
  name = called_closure(name);
  if (name.size() > kNameBytesMax) name.replace(kNameBytesMax, name.npos, "...");
  return name;
}

}  // namespace sluice::internal
