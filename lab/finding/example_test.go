package finding_test

import (
	"encoding/json"
	"fmt"
	"log"

	"github.com/mtlslab/mtlslab/lab/finding"
)

// What `mtlslab audit --json` writes is read back as it was found.
func Example() {
	written := `{"format": 2, "subject": "orders:1", "role": "server", "profile": "rfc5280", "findings": [
	  {"case": "validity/expired", "version": "1.2", "status": "passed", "decision": "refused", "by": "server"},
	  {"case": "chain/self-signed", "version": "1.3", "status": "failed", "decision": "delivered",
	   "means": "Anybody can make an authority of their own."}
	]}`
	var audit finding.Audit
	if err := json.Unmarshal([]byte(written), &audit); err != nil {
		log.Fatal(err)
	}
	fmt.Println(audit.Subject, audit.Verdict())
	for _, f := range audit.Findings {
		if f.Status == finding.Failed {
			fmt.Printf("%s [%s]: %s\n", f.Case, f.Version, f.Means)
		}
	}
	// Output:
	// orders:1 failed
	// chain/self-signed [1.3]: Anybody can make an authority of their own.
}
