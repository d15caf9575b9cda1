// SPDX-License-Identifier: Apache-2.0
#include "photo.hpp"

#include <setjmp.h>

#include <array>
#include <cstdio>
#include <memory>
#include <stdexcept>

// After <cstdio>: it uses FILE without declaring it.
#include <jpeglib.h>

// A plug-in is one file: the photograph is part of it.
asm(".section .rodata\n"
    ".balign 16\n"
    "rover_photo_begin: .incbin \"" ROVER_PHOTO
    "\"\n"
    "rover_photo_end: .byte 0\n"
    ".previous\n");
extern "C" const unsigned char rover_photo_begin[];
extern "C" const unsigned char rover_photo_end[];

namespace rover {
namespace {

/// libjpeg's error handler must not return, and nothing may be thrown through C: it jumps.
struct Decoder {
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};
  jmp_buf escape{};
  std::array<char, JMSG_LENGTH_MAX> text{};

  Decoder() noexcept {
    info.err = jpeg_std_error(&errors);
    info.client_data = this;
    errors.error_exit = [](j_common_ptr common) {
      auto* decoder = static_cast<Decoder*>(common->client_data);
      common->err->format_message(common, decoder->text.data());
      longjmp(decoder->escape, 1);
    };
  }
};

/// False: `decoder.text` says why. Holds nothing that a jump would leave undestroyed.
bool decode(Decoder& decoder, std::span<const unsigned char> jpeg, Photo& photo) {
  auto& info = decoder.info;
  if (setjmp(decoder.escape) != 0) return false;
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, jpeg.data(), jpeg.size());
  jpeg_read_header(&info, TRUE);
  info.out_color_space = JCS_RGB;
  jpeg_start_decompress(&info);
  photo.width = info.output_width;
  photo.height = info.output_height;
  photo.pixels.resize(photo.width * photo.height * Photo::kChannels);
  while (info.output_scanline < info.output_height) {
    auto* row = reinterpret_cast<JSAMPROW>(photo.row(info.output_scanline));
    jpeg_read_scanlines(&info, &row, 1);
  }
  jpeg_finish_decompress(&info);
  return true;
}

}  // namespace

std::span<const unsigned char> embedded_jpeg() noexcept {
  return {rover_photo_begin, rover_photo_end};
}

Photo decode_jpeg(std::span<const unsigned char> jpeg) {
  Photo photo;
  Decoder decoder;
  const auto destroy = [](jpeg_decompress_struct* info) { jpeg_destroy_decompress(info); };
  const std::unique_ptr<jpeg_decompress_struct, decltype(destroy)> owner{&decoder.info};
  if (!decode(decoder, jpeg, photo)) throw std::runtime_error{decoder.text.data()};
  return photo;
}

}  // namespace rover
