# A command for hg that lists what a remote has. Names are in hex: they may hold anything.
from mercurial import hg, registrar

cmdtable = {}
command = registrar.command(cmdtable)


@command(b'wright-refs', [], b'URL', norepo=True)
def refs(ui, url):
    remote = hg.peer(ui, {}, url)
    try:
        for name, nodes in remote.branchmap().items():
            ui.write(b'branch %s %s\n' % (name.hex().encode(), nodes[-1].hex().encode()))
        for name, node in remote.listkeys(b'bookmarks').items():
            ui.write(b'bookmark %s %s\n' % (name.hex().encode(), node))
    finally:
        remote.close()
