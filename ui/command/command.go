package command

// Menu places a command in the menu bar; MenuNone keeps it to palette and keys.
type Menu string

// The menus, in their order.
const (
	MenuNone Menu = ""
	MenuFile Menu = "File"
	MenuEdit Menu = "Edit"
	MenuView Menu = "View"
	MenuPlan Menu = "Plan"
	MenuHelp Menu = "Help"
)

// Menus is the menu bar from left to right.
var Menus = []Menu{MenuFile, MenuEdit, MenuView, MenuPlan, MenuHelp}

// Command is one action. Keys are written "Ctrl+Shift+P", "F5", "/", "W", "?";
// keys without a modifier act only while no text field has the focus.
type Command struct {
	ID    string // "plan.search", stable: tests and saved keys name it
	Title string // already translated
	Menu  Menu
	Keys  []string
	View  string // keys act only while this view is shown; "" : always

	// Label replaces Title while it returns a text ("Undo move blk.3.ffn_up").
	Label func() string
	// Enabled is nil for commands that always work.
	Enabled func() bool
	Run     func()
	// Separator starts a new group of the menu.
	Separator bool
}

// Name is what the user reads now.
func (c *Command) Name() string {
	if c.Label != nil {
		if s := c.Label(); s != "" {
			return s
		}
	}
	return c.Title
}

// Can says whether the command works now.
func (c *Command) Can() bool { return c.Enabled == nil || c.Enabled() }
