package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// How much may be under way at once. Attacks over maxAttacks are an error; those
// of clients over maxDials wait for their turn, which their limits do not count.
const (
	maxAttacks = 4096
	maxDials   = 64
	maxKept    = 1024 // sessions
)

var errIDInUse = errors.New("an attack of that id is under way")

// field is where the attacks are: those under way, and the sessions kept.
type field struct {
	dials chan struct{} // one element for each client that is at it
	keys  keyring

	reports sync.Mutex
	out     io.Writer
	broken  context.CancelCauseFunc // the output cannot be written

	mu       sync.Mutex
	ends     map[string]context.CancelFunc // of the attacks under way
	sessions map[string]*tls.ClientSessionState
}

func newField(out io.Writer) *field {
	return &field{
		dials: make(chan struct{}, maxDials), out: out,
		ends: make(map[string]context.CancelFunc), sessions: make(map[string]*tls.ClientSessionState),
	}
}

// serve begins the attacks of in, until it ends or ctx is done, and returns when
// the last of them has. A line that cannot be used is reported, and no more.
func (f *field) serve(ctx context.Context, in io.Reader) error {
	ctx, f.broken = context.WithCancelCause(ctx)
	defer f.broken(nil)
	lines := make(chan input)
	go readLines(ctx, in, lines)

	// What ends a server attack early, and is no reason for a client to stop.
	serving, noMore := context.WithCancel(ctx)
	defer noMore()
	var attacks sync.WaitGroup
	var err error
	for err == nil && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case line := <-lines:
			if err = line.err; err == nil {
				f.take(ctx, serving, &attacks, line)
			}
		}
	}
	noMore()
	attacks.Wait()
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, ctx.Err()) {
		return cause
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("standard input: %w", err)
	}
	return nil
}

// take does what one line says.
func (f *field) take(ctx, serving context.Context, attacks *sync.WaitGroup, line input) {
	if line.tooLong {
		f.complain("", fmt.Errorf("reading attack: a line of more than %d bytes", attack.MaxLine))
		return
	}
	a, err := attack.Parse(line.text)
	if err != nil {
		f.complain(a.ID, err)
		return
	}
	if a.End {
		f.end(a.ID)
		return
	}
	limited := ctx
	if a.Role == wire.Server {
		limited = serving
	}
	limited, err = f.begin(limited, a.ID)
	if err != nil {
		f.complain(a.ID, err)
		return
	}
	attacks.Go(func() {
		evidence, err := f.carryOut(ctx, limited, a)
		f.finish(a.ID)
		if err != nil {
			f.complain(a.ID, err)
			return
		}
		f.report(attack.Report{ID: a.ID, Evidence: evidence})
	})
}

// carryOut returns what the attack came to see. Its error means that it could
// not be begun.
func (f *field) carryOut(ctx, until context.Context, a attack.Attack) (*attack.Evidence, error) {
	who, err := f.identityOf(a)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	evidence := &attack.Evidence{Role: a.Role, Began: began}
	if a.Role == wire.Server {
		err = f.listen(ctx, until, a, who, evidence)
	} else {
		err = f.attackAsClient(ctx, until, a, who, evidence)
	}
	evidence.Took = time.Since(began)
	return evidence, err
}

// begin enters an attack. The context that it returns ends with the attack.
func (f *field) begin(ctx context.Context, id string) (context.Context, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.ends[id] != nil:
		return nil, errIDInUse
	case len(f.ends) >= maxAttacks:
		return nil, fmt.Errorf("%d attacks are under way", len(f.ends))
	}
	ctx, f.ends[id] = context.WithCancel(ctx)
	return ctx, nil
}

// end ends an attack as a server. One that has ended, or that there never was,
// is not an error: the line may have crossed the evidence.
func (f *field) end(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if end := f.ends[id]; end != nil {
		end()
	}
}

func (f *field) finish(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ends[id]()
	delete(f.ends, id)
}

func (f *field) complain(id string, err error) {
	f.report(attack.Report{ID: id, Error: err.Error()})
}

func (f *field) report(r attack.Report) {
	line, err := json.Marshal(r)
	if err == nil {
		f.reports.Lock()
		defer f.reports.Unlock()
		_, err = f.out.Write(append(line, '\n'))
	}
	if err != nil {
		f.broken(fmt.Errorf("standard output: %w", err))
	}
}

// input is a line of standard input, or the error that ended them.
type input struct {
	text    []byte
	tooLong bool
	err     error
}

// readLines ends with ctx or the input: nothing can take back a blocked read.
func readLines(ctx context.Context, in io.Reader, lines chan<- input) {
	reader := bufio.NewReaderSize(in, 64<<10)
	for {
		line := readLine(reader)
		select {
		case lines <- line:
		case <-ctx.Done():
			return
		}
		if line.err != nil {
			return
		}
	}
}

// readLine reads past a line that is too long, and keeps none of it.
func readLine(r *bufio.Reader) (line input) {
	for {
		part, err := r.ReadSlice('\n')
		if !line.tooLong {
			line.text = append(line.text, part...)
		}
		if len(line.text) > attack.MaxLine+1 {
			line.text, line.tooLong = nil, true
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && (len(line.text) > 0 || line.tooLong):
			return line // the last line lacks its end; EOF comes with the next
		default:
			line.err = err
			return line
		}
	}
}
