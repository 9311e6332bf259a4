//go:build !cgo || nopkcs11

package certloader

import (
	"errors"
	"log"
)

// SupportsPKCS11 says that keys are read from files alone.
func SupportsPKCS11() bool { return false }

// CertificateFromPKCS11Module has the signature of its twin, which 1.8.4 has given to that alone.
func CertificateFromPKCS11Module(string, string, string, string, string, *log.Logger) (Certificate, error) {
	return nil, errors.New("this build reads no PKCS#11 modules")
}
