#include "ioa/ares/dns_error.hpp"

#include <array>
#include <string>

#include "ioa/base/error.hpp"
#include "ioa/base/immortal.hpp"

namespace ioa {
namespace {

struct CodeText {
  DnsCode code;
  const char* symbol;
  const char* message;
};

constexpr std::array kTexts{
    CodeText{DnsCode::format_error, "FORMERR", "the server does not understand the question"},
    CodeText{DnsCode::server_failure, "SERVFAIL", "the server failed"},
    CodeText{DnsCode::no_such_name, "NXDOMAIN", "no such name"},
    CodeText{DnsCode::not_implemented, "NOTIMP", "the server cannot do that"},
    CodeText{DnsCode::refused, "REFUSED", "the server refused"},
    CodeText{DnsCode::no_data, "NODATA", "no such record"},
    CodeText{DnsCode::malformed, "malformed", "the reply cannot be decoded"},
    CodeText{DnsCode::alias_loop, "CNAME_LOOP", "its aliases lead in a circle"},
    CodeText{DnsCode::bad_name, "BADNAME", "not a domain name"},
};

const CodeText* text_of(int code) noexcept {
  for (const CodeText& text : kTexts)
    if (static_cast<int>(text.code) == code) return &text;
  return nullptr;
}

class DnsCategory : public NamedCategory {
 public:
  const char* name() const noexcept override { return "dns"; }
  std::string message(int code) const override {
    const CodeText* text = text_of(code);
    return text != nullptr ? text->message : "the server answered with an error";
  }
  std::string symbol(int code) const override {
    const CodeText* text = text_of(code);
    return text != nullptr ? text->symbol : "RCODE" + std::to_string(code);
  }
};

}  // namespace

const std::error_category& dns_category() noexcept { return immortal<DnsCategory>(); }

}  // namespace ioa
