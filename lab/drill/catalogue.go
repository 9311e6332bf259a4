package drill

import (
	"fmt"
	"slices"
	"strings"
)

// All are the drills, in the order in which one would learn them.
func All() []Drill {
	return []Drill{
		serverLeaf, clientLeaf, intermediate, halfRotation,
		rootRotation, rootRotationBack, rootRotationKilled, rootRotationWrongOrder, authorityRemoved, serverDistrusted,
		revocation, staples, listExpires, listOfAnother,
		clientExpires, serverExpires, intermediateExpires, clocksApart, stepCA, stepCALate, stepCARevoked,
		serverKilled, networkCut, hindered,
	}
}

// Named is the drill of that name.
func Named(name string) (Drill, error) {
	all := All()
	if i := slices.IndexFunc(all, func(d Drill) bool { return d.Name == name }); i >= 0 {
		return all[i], nil
	}
	return Drill{}, fmt.Errorf("there is no drill %q; there are: %s", name, strings.Join(Names(), ", "))
}

// Names are those of all drills.
func Names() []string {
	var names []string
	for _, d := range All() {
		names = append(names, d.Name)
	}
	return names
}
