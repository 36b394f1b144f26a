import { describe, expect, test } from "@jest/globals";
import { partSizes } from "./link-map.js";

/** A link map as GNU ld 2.45 writes it: of each kind of line a few. */
const MAP = `
Discarded input sections

 .text.unused   0x00000000       0x99 xs_esp32c3.a(xsRun.c.o)

Linker script and memory map

LOAD esp-idf/lwip/liblwip.a
.rtc_reserved   0x50001fe8       0x18
 *(.rtc_timer_data_in_rtc_mem)
 .rtc.9         0x50001fe8       0x18 esp-idf/esp_system/libesp_system.a(rtc.c.obj)
.iram0.text     0x40380000       0x60
                0x40380000                        _iram_start = ABSOLUTE (.)
 *(.iram1 .iram1.*)
 .iram1.1       0x40380000       0x20 esp-idf/freertos/libfreertos.a(port.c.obj)
 .wifi0iram     0x40380020       0x40 /idf/components/esp_wifi/lib/esp32c3/libpp.a(esf_buf.o)
.dram0.dummy    0x3fc80000    0x14800
.dram0.bss      0x3fc96f70     0x1000
 .bss.pool      0x3fc96f70     0x1000 xs_esp32c3.a(xsPlatform.c.o)
.flash.text     0x42000020      0x300
 .text.fxRunID  0x42000020      0x100 xs_esp32c3.a(xsRun.c.o)
                0x42000020                fxRunID
 .text.gatt_server_notify_by_a_name_that_is_long
                0x42000120       0x80 xs_esp32c3.a(gatt-server.c.o)
 .text.xs_tcp   0x420001a0       0x80 xs_esp32c3.a(tcp.c.o)
 *fill*         0x42000220       0x20 
 .text          0x42000240       0xe0 /toolchain/lib/rv32im/libc.a(vfprintf.c.o)
                                 0xf0 (size before relaxing)
.flash.rodata   0x3c110120      0x400
 .rodata.error.str1.4
                0x3c110120       0x30 esp-idf/lwip/liblwip.a(dns.c.obj)
                                 0x10 (size before relaxing)
 .rodata.name.str1.4
                0x3c110150        0x0 xs_esp32c3.a(mc.xs.c.o)
                                 0x30 (size before relaxing)
 .rodata.gxHeap
                0x3c110150      0x200 xs_esp32c3.a(mc.xs.c.o)
 .rodata.gxKeys
                0x3c110350      0x100 xs_esp32c3.a(mc.xs.c.o)
 .rodata        0x3c110450       0x10 /idf/components/bt/controller/libbtdm_app.a(rwip.o)
.debug_info     0x00000000     0x1000
 .debug_info    0x00000000     0x1000 xs_esp32c3.a(xsRun.c.o)
`;

describe("partSizes", () => {
  const parts = partSizes(MAP, 0x800, ["gatt-server.c.o"]);

  test("counts what is in the image, by part, largest first", () => {
    expect(parts).toEqual([
      { part: "XS preload: objects", bytes: 0x200 },
      { part: "headers and alignment", bytes: 0x180 },
      { part: "XS engine", bytes: 0x100 },
      { part: "XS preload: property names", bytes: 0x100 },
      { part: "C library", bytes: 0xe0 },
      { part: "C of this project", bytes: 0x80 },
      { part: "natives of the SDK's modules", bytes: 0x80 },
      { part: "Wi-Fi, PHY, coexistence", bytes: 0x40 },
      { part: "XS preload: bytecode, strings, tables", bytes: 0x24 },
      { part: "ESP-IDF, other components", bytes: 0x20 },
      { part: "Bluetooth controller", bytes: 0x10 },
      { part: "lwIP, network interfaces", bytes: 0xc },
    ]);
  });

  test("shares merged strings out by their sizes before", () => {
    expect(parts).toContainEqual({ part: "lwIP, network interfaces", bytes: (0x30 * 0x10) / 0x40 });
  });

  test("adds up to the size of the image", () => {
    expect(parts.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(0x800);
  });

  test("throws for a file that is no link map", () => {
    expect(() => partSizes("", 1, [])).toThrow("no section of an image");
  });
});
