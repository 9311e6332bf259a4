package sandbox

import (
	"archive/tar"
	"cmp"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/moby/moby/client"
)

// owner is who owns a file, by number. The zero value is root.
type owner struct{ user, group int }

// maxAccounts bounds what is read of an image's list of users or groups, in bytes.
const maxAccounts = 1 << 20

// ownerKey tells owners apart: in every container of an image they are the same.
type ownerKey struct{ image, who string }

// ownerIn finds out who that is in a container: a user, or user:group, each by name or
// number. A name is looked up in the image, once. What cannot be understood is an error
// and never root: the files are keys.
func (c *Isolated) ownerIn(ctx context.Context, id, image, who string) (owner, error) {
	c.looking.Lock()
	defer c.looking.Unlock()
	key := ownerKey{image, who}
	if found, ok := c.owners[key]; ok {
		return found, nil
	}
	found, err := findOwner(cmp.Or(who, "0:0"), func(file string) (string, error) { return c.read(ctx, id, file) })
	if err == nil {
		c.owners[key] = found
	}
	return found, err
}

// findOwner is who that is, where read returns a file of the image.
func findOwner(who string, read func(file string) (string, error)) (found owner, err error) {
	user, group, hasGroup := strings.Cut(who, ":")
	if found.user, err = number(user); err != nil {
		entry, err := lookUp(read, "/etc/passwd", user)
		if err != nil {
			return owner{}, err
		}
		found = owner{user: entry[0], group: entry[1]}
	}
	if !hasGroup {
		return found, nil
	}
	if found.group, err = number(group); err == nil {
		return found, nil
	}
	entry, err := lookUp(read, "/etc/group", group)
	if err != nil {
		return owner{}, err
	}
	found.group = entry[0]
	return found, nil
}

// lookUp returns the numbers that an image's list of users or groups has for a name:
// of a user his own and his group's, of a group its own.
func lookUp(read func(string) (string, error), file, name string) ([]int, error) {
	text, err := read(file)
	if err != nil {
		return nil, fmt.Errorf("looking %q up in the image's %s: %w", name, file, err)
	}
	for line := range strings.Lines(text) {
		fields := strings.Split(strings.TrimSpace(line), ":")
		if name == "" || fields[0] != name || len(fields) < 4 {
			continue
		}
		if file == "/etc/group" {
			fields[3] = fields[2] // where a user has a group, a group has its members
		}
		var found []int
		for _, field := range fields[2:4] {
			id, err := number(field)
			if err != nil {
				return nil, fmt.Errorf(
					"the image's %s gives %s no number but %q: say material.owner by number",
					file,
					name,
					field,
				)
			}
			found = append(found, id)
		}
		return found, nil
	}
	return nil, fmt.Errorf("the image's %s names no %q: say material.owner by number", file, name)
}

// number is that of a user or of a group (user_namespaces(7): 32 bits, and the last is
// nobody's).
func number(text string) (int, error) {
	id, err := strconv.ParseUint(text, 10, 31)
	return int(id), err
}

// read returns a file of a container.
func (c *Isolated) read(ctx context.Context, id, file string) (string, error) {
	copied, err := c.engine.CopyFromContainer(ctx, id, client.CopyFromContainerOptions{SourcePath: file})
	if err != nil {
		return "", err
	}
	defer copied.Content.Close() //nolint:errcheck // read-only
	archive := tar.NewReader(copied.Content)
	if _, err := archive.Next(); err != nil {
		return "", err
	}
	text, err := io.ReadAll(io.LimitReader(archive, maxAccounts))
	return string(text), err
}
