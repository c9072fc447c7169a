/* Loaded before the C library: lets writes to regular files, or their syncs, fail while the file that FAULTS names
   says so: "write ENOSPC", "write EROFS", "write EIO" or "sync EIO". */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int fault(const char *kind, int fd) {
  struct stat status;
  char text[64] = {0};
  const char *name = getenv("FAULTS");
  if (!name || fstat(fd, &status) || !S_ISREG(status.st_mode)) return 0;
  int control = open(name, O_RDONLY | O_CLOEXEC);
  if (control < 0) return 0;
  ssize_t length = read(control, text, sizeof text - 1);
  close(control);
  if (length <= 0 || strncmp(text, kind, strlen(kind))) return 0;
  if (strstr(text, "ENOSPC")) return ENOSPC;
  if (strstr(text, "EROFS")) return EROFS;
  return EIO;
}

#define OR_FAIL(kind, fd)          \
  int error = fault(kind, fd);     \
  if (error) {                     \
    errno = error;                 \
    return -1;                     \
  }
#define REAL(name, ...) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))(__VA_ARGS__)

ssize_t write(int fd, const void *bytes, size_t count) { OR_FAIL("write", fd) return REAL(write, fd, bytes, count); }
ssize_t writev(int fd, const struct iovec *parts, int count) { OR_FAIL("write", fd) return REAL(writev, fd, parts, count); }
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) { OR_FAIL("write", fd) return REAL(pwrite, fd, bytes, count, at); }
ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) { OR_FAIL("write", fd) return REAL(pwrite64, fd, bytes, count, at); }
int fdatasync(int fd) { OR_FAIL("sync", fd) return REAL(fdatasync, fd); }
int fsync(int fd) { OR_FAIL("sync", fd) return REAL(fsync, fd); }
