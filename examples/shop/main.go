// A small web shop: what the demo builds, spawns and replaces.
package main

import (
	"flag"
	"html/template"
	"log"
	"net/http"
	"os"

	"example.test/greeting"
	"example.test/price"
)

type item struct {
	Name  string
	Cents int
}

// Price is what the page shows.
func (i item) Price() string { return price.Format(i.Cents) }

// items is what the shop sells.
func items() []item {
	return []item{{"Spirit level", 1895}, {"Claw hammer", 2450}, {"Wheelbarrow", 7999}}
}

type page struct {
	Greeting string
	Items    []item
	Build    string
	Database string
}

// shop is the shop's only page, with the theme found in dir.
func shop(dir string) (http.Handler, error) {
	look, err := template.ParseFiles(dir + "/page.html")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /theme/", http.StripPrefix("/theme/", http.FileServer(http.Dir(dir))))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		p := page{greeting.Welcome(), items(), os.Getenv("SHOP_BUILD"), os.Getenv("SHOP_DATABASE")}
		if err := look.Execute(w, p); err != nil {
			log.Print(err)
		}
	})
	return mux, nil
}

func main() {
	listen := flag.String("listen", "127.0.0.1:8000", "where to listen")
	theme := flag.String("theme", "theme", "directory of the theme")
	flag.Parse()
	handler, err := shop(*theme)
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe(*listen, handler))
}
