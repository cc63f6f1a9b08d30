// SPDX-License-Identifier: MIT
#include <apps/epro/intake/study_book.hpp>

#include <mutex>
#include <optional>
#include <system_error>
#include <utility>

#include <sluice/base/bytes.hpp>
#include <sluice/base/digest.hpp>
#include <sluice/runtime/blocking.hpp>
#include <sluice/runtime/file.hpp>

#include <apps/epro/record/journal_entry.hpp>
#include <apps/epro/record/study_change.hpp>
#include <apps/epro/record/study_json.hpp>

namespace epro {
namespace {

using sluice::Code;
using sluice::Context;
using sluice::File;
using sluice::Result;

using sluice::reservoir::Candidate;
using sluice::reservoir::Reservoir;

namespace fs = std::filesystem;

// 100,000 patients are some 15 MB; what is larger is no study of ours.
constexpr std::uint64_t kStudyFileMax = std::uint64_t{64} << 20;

// An oid may hold dots, and may be nothing else: what is neither letter, digit nor '-' is written as two hexadecimal digits
// behind a '_', so that two oids never share a file and none leaves the folder.
std::string file_name(std::string_view oid) {
  std::string name;
  for (char c : oid) {
    bool is_plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-';
    if (is_plain) {
      name.push_back(c);
    } else {
      name.append("_").append(sluice::to_hex(sluice::as_bytes(std::string_view(&c, 1))));
    }
  }
  return name + ".json";
}

Result<std::string> read_whole(Context& ctx, const fs::path& path) {
  SLUICE_TRY(auto file, File::open(ctx, path, File::Mode::kRead));
  SLUICE_TRY(std::uint64_t size, file->size(ctx));
  if (size > kStudyFileMax) return sluice::fail(Code::kDataLoss, path.string() + ": too large for a study");
  std::string text(size, '\0');
  SLUICE_TRY(std::size_t count, file->read_at(ctx, 0, std::as_writable_bytes(std::span(text))));
  text.resize(count);
  return text;
}

Result<void> put_in_place(const fs::path& from, const fs::path& to) {
  std::error_code error;
  sluice::blocking([&] { fs::rename(from, to, error); });
  if (error) return sluice::fail(sluice::errno_error(error.value(), "rename " + from.string()));
  return {};
}

// The file appears whole or not at all, whenever the power goes.
Result<void> write_whole(Context& ctx, const fs::path& path, std::string_view text) {
  fs::path unfinished = path;
  unfinished += ".new";
  {
    SLUICE_TRY(auto file, File::open(ctx, unfinished, File::Mode::kUpdate));
    SLUICE_TRY(file->truncate(ctx, 0));
    SLUICE_TRY(file->write_at(ctx, 0, sluice::as_bytes(text)));
    SLUICE_TRY(file->sync(ctx));
  }
  SLUICE_TRY(put_in_place(unfinished, path));
  return File::sync_folder(ctx, path.parent_path());
}

Result<std::vector<fs::path>> list(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  sluice::blocking([&] {
    fs::create_directories(folder, error);
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
      if (at->path().extension() == ".json") files.push_back(at->path());
  });
  if (error) return sluice::fail(sluice::errno_error(error.value(), folder.string()));
  return files;
}

sluice::reservoir::Key key(std::string_view oid, std::uint64_t revision) {
  return sluice::reservoir::key_of({"study", oid, std::to_string(revision)});
}
// A study's file: the SHA-256 of the entry, then the entry. A definition that rotted would judge reports wrongly.
std::string sealed(std::string_view entry) {
  auto digest = sluice::sha256(sluice::as_bytes(entry));
  return std::string(sluice::as_text(digest)).append(entry);
}
std::optional<std::string_view> unseal(std::string_view file) {
  if (file.size() < sizeof(sluice::Sha256)) return std::nullopt;
  std::string_view entry = file.substr(sizeof(sluice::Sha256));
  auto digest = sluice::sha256(sluice::as_bytes(entry));
  if (!file.starts_with(sluice::as_text(digest))) return std::nullopt;
  return entry;
}

sluice::Sha256 content(std::string_view entry) { return sluice::sha256(sluice::as_bytes(entry)); }

}  // namespace

PublishedStudy::PublishedStudy(Study study, std::uint64_t revision) : study_(std::move(study)), revision_(revision) {
  patients_.reserve(study_.patients.size());
  for (const Patient& patient : study_.patients) patients_.emplace(patient.id, &patient);
}

const Patient* PublishedStudy::find_patient(const Uuid& id) const noexcept {
  auto at = patients_.find(id);
  return at == patients_.end() ? nullptr : at->second;
}

Result<std::unique_ptr<StudyBook>> StudyBook::open(Context& ctx, fs::path folder, Reservoir& reservoir) {
  SLUICE_TRY(auto files, list(folder));
  std::unique_ptr<StudyBook> book(new StudyBook(std::move(folder), reservoir));
  for (const fs::path& file : files) SLUICE_TRY(book->load(ctx, file));
  return book;
}

Result<void> StudyBook::load(Context& ctx, const fs::path& file) {
  auto damaged = [&] { return sluice::fail(Code::kDataLoss, file.string() + ": not a published study"); };
  SLUICE_TRY(std::string text, read_whole(ctx, file));
  auto bytes = unseal(text);
  if (!bytes) return damaged();
  auto entry = decode_study(*bytes);
  if (!entry) return damaged();
  auto study = parse_study(entry->definition);
  if (!study) return damaged();
  // A crash may have come between the file and the journal.
  auto known = reservoir_.find(key(study->oid, entry->revision));
  if (!known || known->content != content(*bytes)) SLUICE_TRY(establish(ctx, *study, entry->revision));
  show(*std::move(study), entry->revision);
  return {};
}

std::shared_ptr<const PublishedStudy> StudyBook::find(std::string_view oid) const {
  std::lock_guard hold(mutex_);
  auto at = studies_.find(oid);
  return at == studies_.end() ? nullptr : at->second;
}

Result<Publication> StudyBook::publish(Context& ctx, Study study) {
  SLUICE_TRY(check(study));
  if (study.ack_policy != AckPolicy::kFsync)  // an acknowledgement that promised more than we do would be a lie
    return sluice::fail(sluice::Error(Code::kInvalidArgument, "only the policy fsync can be kept here")
                            .because("invalid-study")
                            .at("/study/ackPolicy"));
  SLUICE_TRY(publishing_.acquire(ctx));
  struct Done {
    sluice::Semaphore& publishing;
    ~Done() { publishing.release(); }
  } done{publishing_};
  auto before = find(study.oid);
  Publication publication{.revision = before ? before->revision() : 0};
  if (before) {
    SLUICE_TRY(check_successor(before->study(), study));
    publication.changes = changes(before->study(), study);
    if (publication.changes.empty()) return publication;
  } else {
    publication.changes.push_back("study: new");
  }
  ++publication.revision;
  SLUICE_TRY(establish(ctx, study, publication.revision));
  show(std::move(study), publication.revision);
  return publication;
}

// On disk, then in the journal. A failed flush may have left another definition of this revision in the journal: then the
// next number is taken.
Result<void> StudyBook::establish(Context& ctx, const Study& study, std::uint64_t& revision) {
  const std::string definition = canonical_text(study);
  for (;; ++revision) {
    std::string entry = encode(StudyEntry{revision, definition});
    SLUICE_TRY(write_whole(ctx, folder_ / file_name(study.oid), sealed(entry)));
    Candidate candidate{.key = key(study.oid, revision), .content = content(entry)};
    SLUICE_TRY(auto claim, reservoir_.claim(ctx, std::span(&candidate, 1)));
    auto standing = claim.answers().front().standing;
    if (standing == Reservoir::Standing::kConflict) continue;
    if (standing == Reservoir::Standing::kKnown) return {};
    SLUICE_TRY(reservoir_.append(ctx, std::move(claim), static_cast<std::uint8_t>(EntryType::kStudy),
                                 reservoir_.stamp(), entry));
    return {};
  }
}

void StudyBook::show(Study study, std::uint64_t revision) {
  std::string oid = study.oid;
  auto published = std::make_shared<const PublishedStudy>(std::move(study), revision);
  std::lock_guard hold(mutex_);
  studies_.insert_or_assign(std::move(oid), std::move(published));
}

}  // namespace epro
