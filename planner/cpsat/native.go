//go:build cgo && (linux || darwin)

package cpsat

/*
#cgo linux LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdlib.h>

typedef void *(*new_env_fn)(void);
typedef void (*env_fn)(void *);
typedef void (*solve_fn)(void *, const void *, int, const void *, int, void **, int *);

static new_env_fn new_env;
static env_fn destroy_env, stop_search, free_result;
static solve_fn solve;

// open_library resolves the five functions; the name of what is missing, or
// dlopen's reason, is returned.
static const char *open_library(const char *path) {
	void *lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!lib) return dlerror();
	if (!(new_env = (new_env_fn)dlsym(lib, "SolveCpNewEnv"))) return "it has no SolveCpNewEnv";
	if (!(destroy_env = (env_fn)dlsym(lib, "SolveCpDestroyEnv"))) return "it has no SolveCpDestroyEnv";
	if (!(stop_search = (env_fn)dlsym(lib, "SolveCpStopSearch"))) return "it has no SolveCpStopSearch";
	if (!(solve = (solve_fn)dlsym(lib, "SolveCpInterruptible"))) return "it has no SolveCpInterruptible";
	if (!(free_result = (env_fn)dlsym(lib, "MathOptFree"))) return "it has no MathOptFree";
	return 0;
}
static void *call_new_env(void) { return new_env(); }
static void call_destroy_env(void *env) { destroy_env(env); }
static void call_stop_search(void *env) { stop_search(env); }
static void call_free_result(void *p) { free_result(p); }
static void call_solve(void *env, const void *model, int model_len, const void *params, int params_len, void **res, int *res_len) {
	solve(env, model, model_len, params, params_len, res, res_len);
}
*/
import "C"

import (
	"fmt"
	"sync"
	"unsafe"
)

// openLibrary loads the library into this process, for good.
func openLibrary(path string) error {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	if why := C.open_library(name); why != nil {
		return fmt.Errorf("cpsat: %s cannot be used: %s; OR-Tools %s is expected", path, C.GoString(why), Version)
	}
	return nil
}

// call is one run of the solver: solve once, stop from any goroutine.
type call struct {
	mu  sync.Mutex
	env unsafe.Pointer // nil before and after the solve
	off bool           // stop came first
}

// solve blocks until the solver answers with a CpSolverResponse. Every call has
// an environment of its own: parameters add up in one.
func (c *call) solve(model, params []byte) []byte {
	c.mu.Lock()
	if c.off {
		c.mu.Unlock()
		return nil
	}
	env := C.call_new_env()
	c.env = env
	c.mu.Unlock()

	m, p := C.CBytes(model), C.CBytes(params)
	var answer unsafe.Pointer
	var length C.int
	C.call_solve(env, m, C.int(len(model)), p, C.int(len(params)), &answer, &length)
	C.free(m)
	C.free(p)
	out := C.GoBytes(answer, length)
	C.call_free_result(answer)

	c.mu.Lock()
	c.env = nil
	c.mu.Unlock()
	C.call_destroy_env(env)
	return out
}

// stop asks a running solve to return what it has.
func (c *call) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off = true
	if c.env != nil {
		C.call_stop_search(c.env)
	}
}
