#!/bin/busybox sh
# The first program of the emulated machine: finds the CD with the tests, runs them, says how they
# ended, and switches off. Everything goes to the serial line.
export PATH=/bin
/bin/busybox --install -s /bin
mkdir -p /proc /sys /dev /cd
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
for module in scsi_common scsi_mod libata ata_piix cdrom sr_mod isofs; do
  insmod "/modules/$module.ko" || echo "guest: no module $module"
done
for second in 1 2 3 4 5 6 7 8 9; do
  [ -b /dev/sr0 ] && break
  sleep 1
done
mount -t iso9660 -o ro /dev/sr0 /cd || echo "guest: no CD"
echo "guest: $(sed -n 's/^model name.*: //p' /proc/cpuinfo), Linux $(uname -r)"
echo "guest: $(sed -n 's/^flags.*: //p' /proc/cpuinfo | tr ' ' '\n' |
  grep -E '^(avx|fma|f16c|amx)' | tr '\n' ' ')"
/cd/lib/ld-linux-x86-64.so.2 --library-path /cd/lib /cd/bin/tests
echo "guest: exit $?"
echo "guest: done"
sleep 3  # the serial line is slower than the machine, which stops at once
poweroff -f
