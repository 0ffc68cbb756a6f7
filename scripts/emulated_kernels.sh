#!/usr/bin/env bash
# Runs the kernels' tests on processors that this machine is not: scripts/emulated_kernels.sh [MODEL...]
#
# Bochs emulates a machine with such a processor, instruction by instruction; a Debian kernel boots on
# it and runs engine_kernels_alone_test of build/release/ as it is. A model takes minutes. It passes
# when the tests do and none of the kernels that such a processor must have was skipped. Everything is
# kept in build/emulated/, where a second call finds it.
#
#   MODEL   a processor of Bochs (default: all those in `kernels` below)
#   ATTUNE_BOCHS_SOURCE=DIR   a checkout of Bochs instead of a clone from GitHub
#
# Needs Debian (apt-get downloads a kernel, busybox and a boot loader, installing nothing), g++ and the
# network the first time. It is part of no other test: docs/emulated-processors.md.
set -euo pipefail
cd "$(dirname "$0")/.."

bochs_commit=783b58fd6d9bae598a07c59719122322fa0edce6
packages=(busybox-static isolinux syslinux-common xorriso libisoburn1 libburn4 libisofs6 libjte2)
modules=(scsi/scsi_common scsi/scsi_mod ata/libata ata/ata_piix cdrom/cdrom scsi/sr_mod)
# What each processor must be able to run.
declare -A kernels=([corei7_haswell_4770]=avx2 [corei7_skylake_x]=avx512
  [corei7_icelake_u]=avx512_vnni [sapphire_rapids]=avx512_vnni)
models=("$@")
[ $# -gt 0 ] || models=(corei7_haswell_4770 corei7_skylake_x corei7_icelake_u sapphire_rapids)
program=$PWD/build/release/bin/engine_kernels_alone_test
top=$PWD/build/emulated
# Fast short rep mov, which Linux on this Bochs must not use: having chosen its code by it, it ends in
# invalid opcodes at its own entries, for ever.
fsrm=580

say() { printf 'emulated: %s\n' "$*"; }
fail() { printf 'emulated: %s\n' "$*" >&2; exit 1; }

# Debian's packages, unpacked below build/emulated/tools.
fetch_tools() {
  [ -f "$top/tools/stamp" ] && return
  say "Debian's kernel and tools (75 MB)"
  rm -rf "$top/tools" "$top/debs"
  mkdir -p "$top/tools" "$top/debs"
  local kernel
  kernel=$(apt-cache depends linux-image-amd64 | awk '/Depends: linux-image/ {print $2}')
  (cd "$top/debs" && apt-get download -qq "$kernel" "${packages[@]}" 2>&1 | grep -v '^W:' || true)
  for package in "$top"/debs/*.deb; do dpkg -x "$package" "$top/tools"; done
  touch "$top/tools/stamp"
}

# XFD, by which Linux gives out AMX, is not in Bochs: the patch adds it.
build_bochs() {
  [ -x "$top/bochs/bochs" ] && return
  say "Bochs, built from source (some ten minutes of one core)"
  if [ ! -f "$top/bochs/configured" ]; then
    rm -rf "$top/bochs" "$top/clone"
    local source=${ATTUNE_BOCHS_SOURCE:-}
    if [ -z "$source" ]; then
      source=$top/clone
      git clone --quiet --filter=blob:none https://github.com/bochs-emu/Bochs "$source"
      git -C "$source" checkout --quiet "$bochs_commit"
    fi
    cp -r "$source/bochs" "$top/bochs"
    patch -s -p1 -d "$top/bochs" <tests/emulated/bochs_amx.patch
    (cd "$top/bochs" && CFLAGS="-O2 -w" CXXFLAGS="-O2 -w" ./configure --enable-all-optimizations \
      --enable-cpu-level=6 --enable-x86-64 --enable-avx --enable-evex --enable-amx --enable-pci \
      --enable-monitor-mwait --disable-docbook --disable-gameport --without-x --without-x11 \
      --with-nogui --enable-large-ramfile=no >configure.log && touch configured)
  fi
  make -s -C "$top/bochs" -j "${ATTUNE_JOBS:-$(nproc)}" >"$top/bochs.log" 2>&1 ||
    { tail -n 20 "$top/bochs.log" >&2; fail "Bochs was not built: $top/bochs.log"; }
}

# A CD that boots: the kernel, a first file system with busybox, the program and its libraries.
make_cd() {
  [ -x "$program" ] || fail "no $program: scripts/build.sh"
  local cd=$top/cd root=$top/root library name
  rm -rf "$cd" "$root"
  mkdir -p "$cd/isolinux" "$cd/bin" "$cd/lib" "$root/bin" "$root/modules"
  local kernel
  kernel=$(echo "$top"/tools/boot/vmlinuz-*)
  local drivers=$top/tools/lib/modules/${kernel#*vmlinuz-}/kernel
  for name in "${modules[@]}"; do cp "$drivers/drivers/$name.ko" "$root/modules/"; done
  cp "$drivers/fs/isofs/isofs.ko" "$root/modules/"
  cp "$top/tools/bin/busybox" "$root/bin/"
  install -m 755 tests/emulated/guest.sh "$root/init"
  (cd "$root" && find . | "$top/tools/bin/busybox" cpio -o -H newc 2>/dev/null) >"$cd/isolinux/initrd"
  cp "$kernel" "$cd/isolinux/vmlinuz"
  cp "$top/tools/usr/lib/ISOLINUX/isolinux.bin" \
    "$top/tools/usr/lib/syslinux/modules/bios/ldlinux.c32" "$cd/isolinux/"
  printf '%s\n' 'serial 0 115200' 'default attune' 'label attune' 'kernel vmlinuz' \
    "append initrd=initrd console=ttyS0 panic=-1 mitigations=off nokaslr idle=halt clearcpuid=$fsrm" \
    >"$cd/isolinux/isolinux.cfg"

  cp "$program" "$cd/bin/tests"
  for library in $(ldd "$program" | grep -o '/[^ ]*'); do cp "$library" "$cd/lib/"; done
  LD_LIBRARY_PATH=$top/tools/usr/lib/x86_64-linux-gnu "$top/tools/usr/bin/xorriso" -as mkisofs \
    -quiet -R -o "$top/attune.iso" -b isolinux/isolinux.bin -c isolinux/boot.cat -no-emul-boot \
    -boot-load-size 4 -boot-info-table "$cd" 2>/dev/null
}

# Boots one model; its serial line ends in build/emulated/MODEL.log.
emulate() {
  local model=$1 log=$top/$1.log start=$SECONDS
  rm -f "$log"
  cat >"$top/$model.bochsrc" <<END
cpu: model=$model, count=1, ips=50000000, ignore_bad_msrs=1
memory: guest=512, host=512
romimage: file=$top/bochs/bios/BIOS-bochs-latest
vgaromimage: file=$top/bochs/bios/VGABIOS-lgpl/VGABIOS-lgpl-latest.bin
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path=$top/attune.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=$log
clock: sync=none
log: $top/$model.bochs
panic: action=fatal
error: action=ignore
info: action=ignore
display_library: nogui
END
  say "$model: boots (its output: $log)"
  "$top/bochs/bochs" -q -f "$top/$model.bochsrc" >"$top/$model.out" 2>&1 || true
  [ -s "$log" ] || fail "$model did not boot: $top/$model.bochs"
  say "$model: $((SECONDS - start)) s"
  local said
  said=$(tr -d '\r' <"$log" | sed 's/\x1b\[[0-9;]*m//g')
  grep -aE '^guest: |^\[ +(PASSED|FAILED) +\]' <<<"$said" || true
  grep -aq '^guest: done' <<<"$said" || { say "$model did not come to its end: $log"; return 1; }
  grep -aq '^guest: exit 0$' <<<"$said" || return 1
  if grep -aE "SKIPPED.*/${kernels[$model]:-none} \(" <<<"$said"; then
    say "$model skipped ${kernels[$model]}, which it must run"
    return 1
  fi
}

fetch_tools
build_bochs
make_cd
failed=0
for model in "${models[@]}"; do emulate "$model" || failed=$((failed + 1)); done
say "$((${#models[@]} - failed)) passed, $failed failed"
[ "$failed" = 0 ]
