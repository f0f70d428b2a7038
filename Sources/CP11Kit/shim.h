#ifndef CREDENCE_CP11KIT_H
#define CREDENCE_CP11KIT_H

/* The types of PKCS#11; the module that an administrator names is loaded when it is needed. */
#include <p11-kit/pkcs11.h>

#endif
