package detect

import "testing"

func vagrantSamples() []sample {
	return []sample{
		{about: "scripts in it and beside it", path: "Vagrantfile", beside: map[string]string{
			"scripts/setup.sh": "#!/bin/sh\ngit clone https://github.com/o/setup\n", "scripts/more.sh": "git clone https://github.com/o/more\n",
			"tools/way.sh": "git clone https://github.com/o/way\n",
		}, text: `$script = <<-SCRIPT
  apt-get install -y git
  git clone -b dev https://github.com/o/a /opt/a
  bash /vagrant/scripts/more.sh
SCRIPT
Vagrant.configure("2") do |config|
  # config.vm.provision "shell", inline: "git clone https://github.com/o/no"
  config.vm.provision "shell", inline: $script
  config.vm.provision :shell, path: "scripts/setup.sh", args: ["x"]
  config.vm.provision "shell", :path => './tools/way.sh'
  config.vm.provision "shell", inline: "git clone https://github.com/o/b && make"
  config.vm.provision "shell", privileged: false, inline: <<~EOS
    pip install git+https://github.com/o/c@main
    echo <<EOS2
  EOS
  config.vm.box_url = "https://github.com/o/no/raw/main/x.box"
end
`, want: []string{
			"1 https://github.com/o/more - any", "1 https://github.com/o/way - any", "2 https://github.com/o/setup - any",
			"3 https://github.com/o/a dev any", "11 https://github.com/o/b - any", "13 https://github.com/o/c main any",
		}},
		{about: "no shell", path: "dev/Vagrantfile", text: "x = <<END\ngit clone https://github.com/o/no\nEND\n"},
	}
}

func TestVagrant(t *testing.T) { runSamples(t, deployments(), vagrantSamples()) }
