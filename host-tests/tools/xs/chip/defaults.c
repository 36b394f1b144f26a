/* The engine's defaults without the properties `name` and `length` of functions, which `"strip": "*"` takes from the chip's. */

#include "xsAll.h"

#define fxNewFunctionLength C_NULL
#define fxNewFunctionName C_NULL

#include "xsDefaults.c"
