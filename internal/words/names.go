package words

import "unicode"

// Parts returns a name as it is looked for from its beginning, and from each
// later word on.
func Parts(name string) (whole string, later []string) {
	whole = Plain(name)
	going := true // a word is under way
	for i, r := range whole {
		if i > 0 && (alone(r) || inWord(r) && !going) {
			later = append(later, whole[i:])
		}
		going = inWord(r)
	}
	return whole, later
}

// UpTo returns the end of the range of what begins with prefix.
func UpTo(prefix string) string { return prefix + string(unicode.MaxRune) }
