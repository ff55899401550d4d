package calibrate

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"strata/costmodel"
	"strata/kernels/pool"
)

// hostInfo describes this machine; what the system does not tell stays empty.
func hostInfo() costmodel.Host {
	h := costmodel.Host{CPU: "unknown processor", OS: runtime.GOOS + "/" + runtime.GOARCH, ISA: []string{pool.ISA()}, Cores: PhysicalCores(), LogicalCPUs: runtime.NumCPU()}
	if v := procField("/proc/cpuinfo", "model name"); v != "" {
		h.CPU = v
	}
	h.MemoryBytes = kibibytes(procField("/proc/meminfo", "MemTotal"))
	if mode, err := os.ReadFile("/sys/kernel/mm/transparent_hugepage/enabled"); err == nil {
		if _, rest, ok := strings.Cut(string(mode), "["); ok {
			h.HugePages, _, _ = strings.Cut(rest, "]")
		}
	}
	return h
}

// PhysicalCores is the number of cores behind the CPUs that this process may
// run on: hardware threads of one core count once.
func PhysicalCores() int {
	var allowed unix.CPUSet
	if err := unix.SchedGetaffinity(0, &allowed); err != nil {
		return runtime.NumCPU()
	}
	cores := map[string]bool{}
	paths, _ := filepath.Glob("/sys/devices/system/cpu/cpu[0-9]*/topology/core_id")
	for _, path := range paths {
		dir := filepath.Dir(path)
		cpu, err := strconv.Atoi(strings.TrimPrefix(filepath.Base(filepath.Dir(dir)), "cpu"))
		if err != nil || !allowed.IsSet(cpu) {
			continue
		}
		core, err1 := os.ReadFile(path)
		socket, err2 := os.ReadFile(filepath.Join(dir, "physical_package_id"))
		if err1 != nil || err2 != nil {
			return runtime.NumCPU()
		}
		cores[strings.TrimSpace(string(socket))+"/"+strings.TrimSpace(string(core))] = true
	}
	if len(cores) == 0 {
		return runtime.NumCPU()
	}
	return min(len(cores), runtime.NumCPU())
}

// AvailableMemory is how many bytes an arena may take now: what the kernel says
// is available, and no more than the control group leaves.
func AvailableMemory() (int64, error) {
	free := kibibytes(procField("/proc/meminfo", "MemAvailable"))
	if free <= 0 {
		return 0, errors.New("available memory: /proc/meminfo has no MemAvailable; give the arena's size yourself")
	}
	for _, g := range [][2]string{
		{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"},
		{"/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"},
	} {
		limit, err1 := integer(g[0])
		used, err2 := integer(g[1])
		if err1 == nil && err2 == nil && limit-used < free {
			free = max(limit-used, 0)
		}
	}
	return free, nil
}

// lastLevelCache is the size of the largest cache that this process's first CPU
// sees, 0 when the system does not tell.
func lastLevelCache() int64 {
	cpu := 0
	var allowed unix.CPUSet
	if unix.SchedGetaffinity(0, &allowed) == nil {
		for cpu < 1024 && !allowed.IsSet(cpu) {
			cpu++
		}
	}
	var largest int64
	paths, _ := filepath.Glob(fmt.Sprintf("/sys/devices/system/cpu/cpu%d/cache/index*/size", cpu))
	for _, path := range paths {
		s, err := os.ReadFile(path)
		kind, err2 := os.ReadFile(filepath.Join(filepath.Dir(path), "type"))
		if err != nil || err2 != nil || strings.TrimSpace(string(kind)) == "Instruction" {
			continue
		}
		largest = max(largest, cacheSize(strings.TrimSpace(string(s))))
	}
	return largest
}

// cacheSize reads sysfs' "32768K" or "32M".
func cacheSize(s string) int64 {
	unit := int64(1)
	switch {
	case strings.HasSuffix(s, "K"):
		unit = 1 << 10
	case strings.HasSuffix(s, "M"):
		unit = 1 << 20
	}
	n, err := strconv.ParseInt(strings.TrimRight(s, "KM"), 10, 64)
	if err != nil || n < 0 || n > 1<<40/unit {
		return 0
	}
	return n * unit
}

// procField is the value of the first line "key : value" of a file.
func procField(path, key string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for s := bufio.NewScanner(bytes.NewReader(data)); s.Scan(); {
		if k, v, ok := strings.Cut(s.Text(), ":"); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// kibibytes reads "123 kB".
func kibibytes(s string) int64 {
	n, err := strconv.ParseInt(strings.TrimSuffix(s, " kB"), 10, 64)
	if err != nil || n < 0 || n > 1<<52 {
		return 0
	}
	return n << 10
}

func integer(path string) (int64, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
}

// loadAverage is the number of runnable threads over the last minute, 0 when the
// system does not tell.
func loadAverage() float64 {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(data), " ")
	load, err := strconv.ParseFloat(first, 64)
	if err != nil {
		return 0
	}
	return load
}

// fileSystem names the file system that a path is on.
func fileSystem(path string) string {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return ""
	}
	switch int64(st.Type) {
	case unix.EXT4_SUPER_MAGIC:
		return "ext4"
	case unix.TMPFS_MAGIC:
		return "tmpfs"
	case unix.XFS_SUPER_MAGIC:
		return "xfs"
	case unix.BTRFS_SUPER_MAGIC:
		return "btrfs"
	case unix.OVERLAYFS_SUPER_MAGIC:
		return "overlayfs"
	case unix.NFS_SUPER_MAGIC:
		return "nfs"
	}
	return fmt.Sprintf("type %#x", uint32(st.Type))
}
