#include "CBloxKernels.h"
