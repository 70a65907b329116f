# Two-way sync: the configuration.
#
# Read as NAME=value in shell syntax, and never executed: comments, bare, 'single' and "double" quoted values are
# allowed; $, ` and commands are errors that name the line. Every name has a default, which stands here.
# More pairs: scripts/config/pairs.d/NAME.sh, each with what differs from this file.
# Only root (or the user who runs the sync) may be able to write this file.

# The two servers. The code server runs the services; the deploy server needs nothing but sshd.
CODE_SERVER=192.168.100.28
DEPLOY_SERVER=192.168.100.100

# The directory on each that is kept the same.
CODE_PATH=/opt/sutazaiapp
DEPLOY_PATH=/opt/sutazaiapp

# How the deploy server is reached. SSH_USER empty: the user who runs the sync. SSH_KEY empty: the key that
# scripts/ssh_key_exchange.sh made.
SSH_USER=root
SSH_PORT=22
SSH_KEY=

# Who wins when a file changed on both servers: newer (most recent modification time), code-server, deploy-server,
# or manual (nothing is done until `twsync resolve`). The other version is kept in any case: `twsync conflicts`.
CONFLICT_RESOLUTION=newer

# What is left alone, as gitignore patterns separated by spaces, such as EXCLUDE='*.log node_modules/ /build/'.
# Version-control directories (.git, .hg, .svn, .jj) are always left alone with GIT=exclude.
EXCLUDE=''
GIT=exclude

# Directories that are right only as a whole (a build's output, a release, a database's files), relative to CODE_PATH and
# separated by spaces, such as TOGETHER='public/build data/app.db.d'. What changed in one of them is put in place all at
# once or not at all: if anything in it can't be carried, nothing of it is (`twsync conflicts` names it). If both servers
# changed something in it, one server's version of all of it stands, as CONFLICT_RESOLUTION says, and the other's is
# kept. At most some thousand changed files at a time; EXCLUDE and GIT hold within it too.
TOGETHER=''

# More deletions on one side within 10 minutes than this part of all entries, or than this number (0 = no such limit),
# wait for `twsync approve` or `twsync reject`. So do all, however few, where a root was emptied.
DELETE_LIMIT_PERCENT=50
DELETE_LIMIT_COUNT=10000

# How long replaced and deleted versions are kept, and how much room they may take (0 = 10 % of the file system; K, M, G
# and T may follow the number). Replaced versions go first: of each file the last five stay, and of older ones one each
# five minutes. What lost a conflict, and deletions that were approved, go only after their days; while these alone are
# more than may be kept, nothing more is replaced or deleted.
# Beside that, one percent of a file system (at most 1 GiB, and 10,000 inodes) is never filled: what would not fit waits.
VERSIONS_KEEP_DAYS=30
VERSIONS_KEEP_BYTES=0

# Owner and group (auto = when root runs it on both servers), extended attributes with access lists (but the labels of a
# host's own policy: SELinux, AppArmor, Smack, IMA, EVM), hard links. What isn't carried stays as it is on each server.
PRESERVE_OWNER=auto
PRESERVE_XATTRS=no
PRESERVE_HARDLINKS=yes

# The setuid bit of files, which lets everybody there act as their owner: carried when yes and the owner is preserved,
# else dropped and reported once. Files that came over without it get it with their next change.
PRESERVE_SETUID=no

# Bytes a second (0 = no limit; 2M is 2 MiB a second), and how many transfers run beside each other.
BANDWIDTH_LIMIT=0
TRANSFER_WORKERS=2

# `twsync status` answers non-zero when changes wait for longer than this.
STALE_MINUTES=10

# How changes are seen: inotify (a watch, and kernel memory, for each directory), fanotify (one mark for the whole file
# system, which also wakes twsync for every write on it; needs root, or CAP_SYS_ADMIN and CAP_DAC_READ_SEARCH: for the
# service share/twsync/examples/fanotify.conf as a drop-in of sutazai-sync-monitor.service, for an agent of another user
# than root `setcap`, which makes that user as good as root), or auto: inotify, and fanotify where the directories are
# more than fs.inotify.max_user_watches and the process may. `twsync status` says which one is in use, and why.
WATCH=auto

# Programs that the service runs after a sync that changed something, and for each conflict: absolute path and arguments,
# no shell. In their environment: TWSYNC_PAIR and TWSYNC_EVENT (sync or conflict); after a sync TWSYNC_OPERATIONS,
# TWSYNC_CONFLICTS, TWSYNC_PARKED and TWSYNC_FAILED (how many) and TWSYNC_IN_SYNC (yes or no); for a conflict TWSYNC_PATH
# (relative to the root), TWSYNC_ID (for `twsync resolve`), TWSYNC_TEXT (what stood on each side) and
# TWSYNC_MORE_CONFLICTS (how many came meanwhile without a run of their own).
POST_SYNC_COMMAND=
ON_CONFLICT_COMMAND=

# Port of 127.0.0.1 where Prometheus finds metrics (0 = none).
METRICS_PORT=0

# debug, info, warn or error
LOG_LEVEL=info
