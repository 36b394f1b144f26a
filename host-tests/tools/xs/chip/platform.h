/* Platform of XS on a 32-bit host: slots of 16 bytes, as on the chip. The memory of a machine is in pool.c. */

#ifndef CHIP_PLATFORM_H
#define CHIP_PLATFORM_H

#include <ctype.h>
#include <float.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#undef mxLinux
#define mxLinux 1
#undef mxLittleEndian
#define mxLittleEndian 1
#define mxExport extern
#define mxImport extern
#define XS_FUNCTION_NORETURN __attribute__((noreturn))
#define mxUseGCCAtomics 1
#define mxUsePOSIXThreads 1

/* The engine's Atomics need these. */
#define mxMachinePlatform \
	void *waiterCondition; \
	void *waiterData; \
	struct sxMachine *waiterLink;

#define mxUseDefaultBuildKeys 1
#define mxUseDefaultParseScript 1
#define mxUseDefaultSharedChunks 1

#endif
