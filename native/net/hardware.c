/* See hardware.h. */
#include "hardware.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* `question` is one of ethtool's structures, which begin with what is asked; the answer is in it. */
static int ask(const char *name, void *question)
{
	struct ifreq request = { .ifr_data = question };
	if (strlen(name) >= sizeof request.ifr_name) return -ENODEV;
	memcpy(request.ifr_name, name, strlen(name) + 1);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0) return -errno;
	int error = ioctl(fd, SIOCETHTOOL, &request) < 0 ? -errno : 0;
	close(fd);
	return error;
}

int vb_hardware_rings(const char *name, struct vb_rings *out)
{
	struct ethtool_ringparam rings = { .cmd = ETHTOOL_GRINGPARAM };
	int error = ask(name, &rings);
	if (error) return error;
	out->receive = rings.rx_pending;
	out->receive_max = rings.rx_max_pending;
	out->send = rings.tx_pending;
	out->send_max = rings.tx_max_pending;
	return 0;
}

int vb_hardware_pause(const char *name, struct vb_pause *out)
{
	struct ethtool_pauseparam pause = { .cmd = ETHTOOL_GPAUSEPARAM };
	int error = ask(name, &pause);
	if (error) return error;
	out->receive = pause.rx_pause != 0;
	out->send = pause.tx_pause != 0;
	return 0;
}
