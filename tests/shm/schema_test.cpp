// SPDX-License-Identifier: Apache-2.0
#include "shm/schema.hpp"

#include <gmock/gmock.h>

#include <set>
#include <string>
#include <vector>

#include <horus/msg/geometry.hpp>
#include <horus/msg/sensors.hpp>
#include <horus/payload.hpp>

#include "shm/dtype.hpp"
#include "tests/support/shm_fixture.hpp"

namespace horus::shm {
namespace {

// As a user declares a message in a header of his own.
struct Wheel {
  float speed{};
  float slip[4]{};
  std::uint8_t used{};
  bool blocked{};
  std::uint8_t name[8]{};
  msg::Point3 place{};
};
const TypeInfo& type_info(Tag<Wheel>) noexcept {
  static const std::array kFields{
      HORUS_FIELD(Wheel, speed, "rad/s", ""), HORUS_COUNTED(Wheel, slip, "", "", "used"),
      HORUS_FIELD(Wheel, used, "", ""),       HORUS_FIELD(Wheel, blocked, "", ""),
      HORUS_TEXT(Wheel, name, "", ""),        HORUS_FIELD(Wheel, place, "", "")};
  static const TypeInfo kType = make_type<Wheel>("Wheel", "", "", kFields, {});
  return kType;
}
constexpr const char* kWheel =
    "Wheel{speed:f32@0;slip:f32[4:used]@4;used:u8@20;blocked:bool@21;name:s8@22;"
    "place:Point3{x:f64@0;y:f64@8;z:f64@16}24/8@32}56/8";

std::string refusal(std::string_view schema) {
  const auto parsed = parse_schema(schema);
  return parsed ? "accepted" : std::string{parsed.error().subject.view()};
}

TEST(Schema, is_the_layout_in_one_line) {
  EXPECT_EQ(schema_of(type_info(Tag<Wheel>{})), kWheel);
}

TEST(Kind, of_a_number_has_the_size_and_the_name_of_its_element_type) {
  for (Kind kind{}; is_number(kind); kind = next(kind)) {
    const DtypeInfo& element = info(dtype_of(kind));
    EXPECT_EQ(element.size, with_number(kind, [](auto zero) { return sizeof zero; }));
    const bool declared_so =
        with_number(kind, [kind]<typename T>(T) { return detail::kind_of<T>() == kind; });
    EXPECT_TRUE(declared_so) << element.name;
    ASSERT_NE(element.schema, nullptr) << element.name;
    const auto parsed = parse_schema("A{x:" + std::string{element.schema} + "@0}8/8");
    ASSERT_TRUE(parsed) << element.name;
    EXPECT_EQ(parsed.value().info().fields[0].kind, kind) << element.name;
  }
  EXPECT_EQ(detail::kind_of<Flag>(), Kind::kBool);
  EXPECT_EQ(detail::kind_of<msg::Point3>(), Kind::kMessage);
}

TEST(Schema, a_declaration_that_names_no_arguments_takes_its_fields) {
  static const std::array kFields{HORUS_FIELD(Wheel, speed, "rad/s", ""),
                                  HORUS_PADDING(Wheel, used), HORUS_FIELD(Wheel, blocked, "", "")};
  const TypeInfo type = make_type<Wheel>("Wheel", "", "", kFields);
  ASSERT_EQ(type.args.size(), 2U);
  EXPECT_EQ(type.args[0].path, "speed");
  EXPECT_EQ(type.args[1].path, "blocked");
  EXPECT_TRUE(type_info(Tag<Wheel>{}).args.empty());
}

TEST(Schema, of_a_built_in_type_reads_back_as_the_same_type) {
  std::set<std::uint64_t> hashes;
  for (const TypeInfo* type : all_types()) {
    const std::string schema = schema_of(*type);
    const auto parsed = parse_schema(schema);
    ASSERT_TRUE(parsed) << schema << ": " << parsed.error().subject.view();
    const TypeInfo& info = parsed.value().info();
    EXPECT_EQ(schema_of(info), schema);
    EXPECT_EQ(info.hash, type->hash) << type->name;
    EXPECT_EQ(info.size, type->size) << type->name;
    EXPECT_EQ(info.align, type->align) << type->name;
    EXPECT_TRUE(hashes.insert(info.hash).second) << type->name;
  }
}

TEST(Schema, a_parsed_type_says_of_each_field_what_its_declaration_says) {
  const auto parsed = parse_schema(kWheel);
  ASSERT_TRUE(parsed);
  const ParsedType copy = parsed.value();
  const TypeInfo& declared = type_info(Tag<Wheel>{});
  ASSERT_EQ(copy.info().fields.size(), declared.fields.size());
  for (std::size_t i = 0; i < declared.fields.size(); ++i) {
    const FieldInfo& found = copy.info().fields[i];
    const FieldInfo& wanted = declared.fields[i];
    EXPECT_EQ(found.name, wanted.name);
    EXPECT_EQ(found.kind, wanted.kind) << found.name;
    EXPECT_EQ(found.offset, wanted.offset) << found.name;
    EXPECT_EQ(found.size, wanted.size) << found.name;
    EXPECT_EQ(found.count, wanted.count) << found.name;
    EXPECT_EQ(found.array, wanted.array) << found.name;
    EXPECT_EQ(found.counted_by, wanted.counted_by) << found.name;
    EXPECT_EQ(copy.info().args[i].path, wanted.name);
  }
  EXPECT_EQ(copy.info().fields.back().nested->hash, type_info(Tag<msg::Point3>{}).hash);
}

TEST(Schema, whatever_differs_makes_another_type) {
  std::set<std::uint64_t> hashes;
  for (const char* schema :
       {"A{x:f32@0}4/4", "B{x:f32@0}4/4", "A{y:f32@0}4/4", "A{x:u32@0}4/4", "A{x:f32@4}8/4",
        "A{x:f32[1]@0}4/4", "A{x:f32@0}8/4", "A{x:f32@0}4/2", "A{x:s4@0}4/4"}) {
    const auto parsed = parse_schema(schema);
    ASSERT_TRUE(parsed) << schema;
    EXPECT_TRUE(hashes.insert(parsed.value().info().hash).second) << schema;
  }
}

struct Refused {
  const char* schema;
  const char* says;
};

TEST(Schema, that_nobody_writes_is_refused_and_says_where) {
  for (const auto& [schema, says] : std::vector<Refused>{
           {"", "a name of 1 to 63 letters is expected at byte 0"},
           {"A", "'{' is expected at byte 1"},
           {"A{}4/4", "a name of 1 to 63 letters is expected at byte 2"},
           {"A{x}4/4", "':' is expected at byte 3, field x"},
           {"A{x:f16@0}4/4", "an unknown element at byte 7, field x"},
           {"A{x:s@0}4/4", "an unknown element at byte 5, field x"},
           {"A{x:s1@0}4/4", "a number is missing or out of range at byte 5, field x"},
           {"A{x:f32[0]@0}4/4", "a number is missing or out of range at byte 8, field x"},
           {"A{x:f32[1@0}4/4", "']' is expected at byte 9, field x"},
           {"A{x:f32}4/4", "'@' is expected at byte 7, field x"},
           {"A{x:f32@00}4/4", "a number is missing or out of range at byte 8, field x"},
           {"A{x:f32@-1}4/4", "a number is missing or out of range at byte 8, field x"},
           {"A{x:f32@0", "';' or '}' is expected at byte 9, field x"},
           {"A{x:f32@0}", "a number is missing or out of range at byte 10, field x"},
           {"A{x:f32@0}4", "'/' is expected at byte 11, field x"},
           {"A{x:f32@0}4/3", "the size is no multiple of an alignment at byte 13"},
           {"A{x:f32@0}6/4", "the size is no multiple of an alignment at byte 13"},
           {"A{x:f32@0}4/4 ", "something follows the type at byte 13"},
           {"A{x:f32@2}4/4", "the field ends outside of its message at byte 13, field x"},
           {"A{x:f32[2]@0}4/4", "the field ends outside of its message at byte 16, field x"},
           {"A{x:f32@0;y:f32@2}8/4", "the field overlaps the one before at byte 21, field y"},
           {"A{x:f32@4;y:f32@0}8/4", "the field overlaps the one before at byte 21, field y"},
           {"A{x:u8@0;x:u8@1}2/1", "two fields have one name at byte 19, field x"},
           {"A{x:u8[2:n]@0}2/1",
            "what counts the elements is no field of kind u8, u16 or u32 at byte 17, field x"},
           {"A{x:u8[2:x]@0}2/1",
            "what counts the elements is no field of kind u8, u16 or u32 at byte 17, field x"},
           {"A{x:f64[4194304]@0}4194304/8",
            "the field ends outside of its message at byte 28, field x"},
           {"A{x:u8@0}4194305/1", "a number is missing or out of range at byte 9, field x"},
           {"A{\xc3\xa4:u8@0}1/1", "a name of 1 to 63 letters is expected at byte 2"},
       }) {
    EXPECT_EQ(refusal(schema), says) << schema;
  }
}

TEST(Schema, has_limits_that_a_longer_one_does_not_pass) {
  EXPECT_EQ(refusal(std::string(63, 'a') + "{x:u8@0}1/1"), "accepted");
  EXPECT_NE(refusal(std::string(64, 'a') + "{x:u8@0}1/1"), "accepted");

  const auto fields = [](int count) {
    std::string text = "A{";
    for (int i = 0; i < count; ++i) {
      text += (i == 0 ? "f" : ";f") + std::to_string(i) + ":u8@" + std::to_string(i);
    }
    return text + "}" + std::to_string(count) + "/1";
  };
  EXPECT_EQ(refusal(fields(1024)), "accepted");
  EXPECT_THAT(refusal(fields(1025)), testing::HasSubstr("too many fields"));

  const auto nested = [](int depth) {
    std::string text = "A{x:u8@0}1/1";
    for (int i = 0; i < depth; ++i) text = "A{x:" + text + "@0}1/1";
    return text;
  };
  EXPECT_EQ(refusal(nested(8)), "accepted");
  EXPECT_THAT(refusal(nested(9)), testing::HasSubstr("nested too deeply"));
  EXPECT_EQ(refusal(std::string(65537, 'a')), "longer than 65536 bytes");
}

class SchemaTopic : public test::ShmTest {};

TEST_F(SchemaTopic, carries_messages_between_who_has_the_struct_and_who_has_the_schema) {
  const auto session = open();
  const auto parsed = parse_schema(kWheel);
  ASSERT_TRUE(parsed);
  auto publisher = session->publisher<Wheel>("wheel").value();
  auto subscriber = session->subscribe("wheel", parsed.value().info()).value();
  EXPECT_TRUE(publisher.send({.speed = 1.5F}));
  Wheel received;
  EXPECT_EQ(subscriber.take(std::as_writable_bytes(std::span{&received, 1})),
            std::ptrdiff_t{sizeof received});
  EXPECT_EQ(received.speed, 1.5F);

  const auto other = parse_schema("Wheel{speed:f32@0}4/4");
  ASSERT_TRUE(other);
  EXPECT_EQ(session->subscribe("wheel", other.value().info()).error().code, Errc::kTypeMismatch);
}

}  // namespace
}  // namespace horus::shm
