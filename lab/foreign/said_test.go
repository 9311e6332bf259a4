package foreign

import (
	"strings"
	"testing"

	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/command"
)

// What a client said last is told whether it is a process, which complains on standard error, or is run by
// a worker, which has one text of all.
func TestWhatAClientSaid(t *testing.T) {
	t.Parallel()
	c := &imageClient{broughtImage: &broughtImage{Image: Image{Adapter: &adapter.Adapter{}}}}
	for _, test := range []struct {
		result command.Result
		want   string
	}{
		{command.Result{Exit: 1, Out: "<html>\n", Err: "calling\nwrong\n"}, "exit code 1; it said: wrong"},
		{command.Result{Exit: 1, Out: "calling\nwrong\n"}, "exit code 1; it said: wrong"},
		{command.Result{Exit: 1}, "exit code 1"},
	} {
		o, err := c.account(test.result, adapter.Values{})
		if err != nil {
			t.Fatal(err)
		}
		if strings.TrimSpace(o.Detail) != test.want {
			t.Errorf("%+v: told as %q, want %q", test.result, o.Detail, test.want)
		}
	}
}
