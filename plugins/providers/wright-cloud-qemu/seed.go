package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"
)

// seedOf makes the disk from which cloud-init reads what the server is to be
// (NoCloud): a file system of the kind FAT12, called CIDATA.
func seedOf(id, name string, userData []byte) ([]byte, error) {
	meta, err := json.Marshal(map[string]string{"instance-id": "wright-" + id, "local-hostname": hostname(name, id)})
	if err != nil {
		return nil, fmt.Errorf("write the seed: %w", err)
	}
	if len(userData) == 0 {
		userData = []byte("#cloud-config\n{}\n")
	}
	return fat("CIDATA", []file{{"meta-data", append(meta, '\n')}, {"user-data", userData}})
}

// hostname is what of a name can be one.
func hostname(name, id string) string {
	plain := strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			return c
		case c >= 'A' && c <= 'Z':
			return c - 'A' + 'a'
		}
		return '-'
	}, name)
	plain = strings.Trim(plain[:min(len(plain), 40)], "-")
	if plain == "" {
		plain = "wright"
	}
	return plain + "-" + id[:10]
}

// file is one in the root directory of a seed. Its name has at most 26 letters,
// and another beginning than the others'.
type file struct {
	name    string
	content []byte
}

// The sizes of the file system, in sectors unless they say something else.
const (
	sector      = 512 // bytes
	cluster     = 4096
	perCluster  = cluster / sector
	rootEntries = 112
	rootSectors = rootEntries * 32 / sector
	fatSectors  = 12 // for 4,084 clusters, the most that FAT12 has
	fatCopies   = 2
	dataStart   = 1 + fatCopies*fatSectors + rootSectors
	maxClusters = 4084
)

// fat makes a file system with files.
func fat(label string, files []file) ([]byte, error) {
	table, root, data := []uint16{0xff8, 0xfff}, entry(label, 0x08, 0, 0), []byte{}
	for i, f := range files {
		first := 0
		if n := (len(f.content) + cluster - 1) / cluster; n > 0 {
			first = len(table)
			for range n - 1 {
				table = append(table, uint16(len(table)+1))
			}
			table = append(table, 0xfff)
			data = append(data, f.content...)
			data = append(data, make([]byte, n*cluster-len(f.content))...)
		}
		short := shortName(f.name, i)
		root = append(root, longName(f.name, short)...)
		root = append(root, entry(short, 0x20, first, len(f.content))...)
	}
	if len(table)-2 > maxClusters || len(root) > rootSectors*sector {
		return nil, errors.New("the seed is too large")
	}
	clusters := max(len(table)-2, 16)
	image := make([]byte, (dataStart+clusters*perCluster)*sector)
	copy(image, bootSector(label, dataStart+clusters*perCluster))
	for i := range fatCopies {
		copy(image[(1+i*fatSectors)*sector:], packed(table))
	}
	copy(image[(1+fatCopies*fatSectors)*sector:], root)
	copy(image[dataStart*sector:], data)
	return image, nil
}

func bootSector(label string, sectors int) []byte {
	b := make([]byte, sector)
	copy(b, "\xeb\x3c\x90WRIGHT  ")
	le := binary.LittleEndian
	le.PutUint16(b[11:], sector)
	b[13] = perCluster
	le.PutUint16(b[14:], 1) // reserved: this one
	b[16] = fatCopies
	le.PutUint16(b[17:], rootEntries)
	b[21] = 0xf8
	le.PutUint16(b[22:], fatSectors)
	le.PutUint16(b[24:], 32)
	le.PutUint16(b[26:], 64)
	if sectors < 1<<16 {
		le.PutUint16(b[19:], uint16(sectors))
	} else {
		le.PutUint32(b[32:], uint32(sectors))
	}
	b[36], b[38] = 0x80, 0x29
	le.PutUint32(b[39:], 0x57524754)
	copy(b[43:], fmt.Sprintf("%-11s%-8s", label, "FAT12"))
	b[510], b[511] = 0x55, 0xaa
	return b
}

// packed writes 12 bits for each cluster.
func packed(table []uint16) []byte {
	b := make([]byte, (len(table)*3+1)/2+1)
	for i, v := range table {
		at := i * 3 / 2
		if i%2 == 0 {
			b[at] = byte(v)
			b[at+1] |= byte(v >> 8)
		} else {
			b[at] |= byte(v << 4)
			b[at+1] = byte(v >> 4)
		}
	}
	return b
}

// entry is one of the directory; name has 11 letters.
func entry(name string, attributes byte, first, size int) []byte {
	e := make([]byte, 32)
	copy(e, fmt.Sprintf("%-11s", name))
	e[11] = attributes
	le := binary.LittleEndian
	le.PutUint16(e[24:], 1|1<<5|(2026-1980)<<9) // some day
	le.PutUint16(e[26:], uint16(first))
	le.PutUint32(e[28:], uint32(size))
	return e
}

// shortName is what stands for a long name.
func shortName(name string, number int) string {
	plain := strings.ToUpper(strings.NewReplacer("-", "", ".", "").Replace(name))
	return fmt.Sprintf("%.6s~%d", plain, number+1)
}

// longName is the entries that hold a name, before that of the file.
func longName(name, short string) []byte {
	units := append(utf16.Encode([]rune(name)), 0)
	for len(units)%13 != 0 {
		units = append(units, 0xffff)
	}
	sum := byte(0)
	for _, c := range []byte(fmt.Sprintf("%-11s", short)) {
		sum = sum>>1 | sum<<7
		sum += c
	}
	var all []byte
	n := len(units) / 13
	for i := n; i > 0; i-- {
		e := make([]byte, 32)
		if e[0] = byte(i); i == n {
			e[0] |= 0x40
		}
		e[11], e[13] = 0x0f, sum
		for j, u := range units[(i-1)*13 : i*13] {
			binary.LittleEndian.PutUint16(e[place(j):], u)
		}
		all = append(all, e...)
	}
	return all
}

// place is where a letter is in an entry of a long name.
func place(j int) int {
	switch {
	case j < 5:
		return 1 + 2*j
	case j < 11:
		return 14 + 2*(j-5)
	}
	return 28 + 2*(j-11)
}
