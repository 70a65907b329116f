# Servers with systemd, sshd and cron, for compose/test.sh. `fresh`: as Debian leaves them. `node`: with the libraries
# that twsync's programs need, so that `dpkg -i` alone installs the packages.
FROM debian:bookworm-slim AS fresh
ENV DEBIAN_FRONTEND=noninteractive
RUN apt-get update -q && apt-get install -q -y --no-install-recommends \
      systemd systemd-sysv dbus openssh-server openssh-client cron git procps ca-certificates \
    && rm -rf /etc/ssh/ssh_host_*
# A container has no hardware, no console and no clock of its own to look after.
RUN systemctl mask systemd-udevd.service systemd-udev-trigger.service systemd-udevd-kernel.socket \
      systemd-udevd-control.socket getty.target console-getty.service systemd-logind.service \
      systemd-networkd-wait-online.service sys-kernel-debug.mount dev-hugepages.mount apt-daily.timer \
      apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer \
    && mkdir -p /etc/systemd/system/ssh.service.d /root/.ssh && chmod 700 /root/.ssh \
    && printf '%s\n' '[Service]' 'ExecStartPre=' \
      "ExecStartPre=/bin/sh -c '[ -e /etc/ssh/ssh_host_ed25519_key ] || ssh-keygen -q -t ed25519 -N \"\" -f /etc/ssh/ssh_host_ed25519_key'" \
      'ExecStartPre=/usr/sbin/sshd -t' >/etc/systemd/system/ssh.service.d/host-keys.conf \
    && systemctl enable ssh.service cron.service
STOPSIGNAL SIGRTMIN+3
CMD ["/lib/systemd/systemd"]

FROM fresh AS node
RUN apt-get install -q -y --no-install-recommends \
      libzmq5 libprometheus-cpp-pull1.0 libssh-4 libsqlite3-0 libspdlog1.10 libfmt9 libstdc++6 zlib1g libzstd1 \
    && rm -rf /var/lib/apt/lists/*
