package main

import (
	"github.com/spf13/cobra"

	"github.com/wright-build/wright/master/api/client"
	"github.com/wright-build/wright/master/api/view"
)

func (a *app) appServer() *cobra.Command {
	return group("appserver", "the servers that builds made",
		a.appServerList(), a.appServerShow(),
		a.appServerDo("activate", "make an AppServer the active one of its instance"),
		a.appServerDo("deactivate", "leave its instance without an active AppServer"),
		a.appServerTerminate())
}

func (a *app) appServerList() *cobra.Command {
	var gone bool
	cmd := &cobra.Command{
		Use: "list [INSTANCE]", Short: "list AppServers, the newest first", Args: arguments,
		ValidArgsFunction: a.completeInstances,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			all, err := c.AppServers(cmd.Context(), first(args), gone)
			if err != nil {
				return err
			}
			t := table{
				head:  []string{"APPSERVER", "STATE", "ACTIVE", "ADDRESS", "PROVIDER", "AGENT", "CREATED", "ERROR"},
				empty: "there are no AppServers",
			}
			for _, s := range all {
				t.row(s.ID, s.State, activity(s), s.Address, s.Provider, s.Agent, ago(s.CreatedAt), problem(s))
			}
			return a.print(all, t)
		},
	}
	cmd.Flags().BoolVar(&gone, "all", false, "terminated ones too")
	return cmd
}

// problem is what is wrong with an AppServer, or what it waits for.
func problem(s view.AppServer) string {
	if s.Error == "" && s.Waiting != "" {
		return "waits " + s.Waiting
	}
	return s.Error
}

func activity(s view.AppServer) string {
	if s.Active {
		return "active"
	}
	return ""
}

func (a *app) appServerShow() *cobra.Command {
	return &cobra.Command{
		Use: "show APPSERVER", Short: "show one AppServer", Args: arguments, ValidArgsFunction: a.completeAppServers,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.oneAppServer(func(c *client.Client) (view.AppServer, error) { return c.AppServer(cmd.Context(), args[0]) })
		},
	}
}

func (a *app) appServerDo(verb, short string) *cobra.Command {
	return &cobra.Command{
		Use: verb + " APPSERVER", Short: short, Args: arguments, ValidArgsFunction: a.completeAppServers,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.oneAppServer(func(c *client.Client) (view.AppServer, error) { return c.Want(cmd.Context(), args[0], verb) })
		},
	}
}

func (a *app) appServerTerminate() *cobra.Command {
	var forget bool
	cmd := &cobra.Command{
		Use: "terminate APPSERVER", Short: "end an AppServer for good", Args: arguments, ValidArgsFunction: a.completeAppServers,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.oneAppServer(func(c *client.Client) (view.AppServer, error) {
				if forget {
					return c.Forget(cmd.Context(), args[0])
				}
				return c.Want(cmd.Context(), args[0], "terminate")
			})
		},
	}
	cmd.Flags().BoolVar(&forget, "forget", false, "give up what is left of one that is terminating and cannot be ended, for its host is gone")
	return cmd
}

func (a *app) oneAppServer(ask func(*client.Client) (view.AppServer, error)) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	s, err := ask(c)
	if err != nil {
		return err
	}
	var t table
	t.row("appserver", s.ID)
	t.row("instance", s.Instance)
	t.row("build", s.Build)
	t.row("state", s.State)
	t.row("active", yesNo(s.Active))
	t.row("doing", s.Doing)
	t.row("waiting", s.Waiting)
	t.row("address", s.Address)
	t.row("url", s.URL)
	t.row("provider", s.Provider)
	t.row("agent", s.Agent)
	t.row("created", moment(s.CreatedAt))
	t.row("ended", moment(s.EndedAt))
	t.row("error", s.Error)
	return a.print(s, t)
}
